//! Hostile texts: time is linear, words are bounded, a cancel takes effect everywhere.

#[path = "text/words.rs"]
mod words;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use carrel_core::text::{MAX_WORD, analyze};
use words::words;

fn fill(fragment: &str, bytes: usize) -> String {
    fragment.repeat(bytes / fragment.len() + 1)
}

/// Texts that could take quadratic time, or much memory.
fn texts(bytes: usize) -> Vec<(&'static str, String)> {
    let repeated = [
        ("no separator", "a"),
        ("digits", "1"),
        ("blanks", " "),
        ("dots", "."),
        ("underscores", "_"),
        ("slashes", "/"),
        ("a path", "a/"),
        ("a dotted name", "a.b"),
        ("a version", "1.2."),
        ("groups of digits", "1,234"),
        ("pairs of digits", "1,2"),
        ("hyphens", "a-"),
        ("camel case", "aB"),
        ("letters and digits", "a1"),
        ("at signs", "a@"),
        ("plus signs", "a+"),
        ("plus signs before words", "a+bcdefghijklmnopqrstuvwxyz0123456789."),
        ("schemes", "a://"),
        ("an address", "http://a.b/c?d=e&"),
        ("schemes in a path", "a/http://b/"),
        ("unopened brackets", "http://a)"),
        ("brackets", "(a"),
        ("ampersands", "a&b"),
        ("arrows", "a->"),
        ("hashes", "a#"),
        ("escaped bytes", "%20"),
        ("accents", "é"),
        ("letters with separate accents", "e\u{301}"),
        ("combining characters", "\u{301}"),
        ("combining characters of all classes", "\u{301}\u{323}\u{345}\u{5B0}\u{334}"),
        ("ignorable characters", "\u{AD}"),
        ("a word of ignorable characters", "a\u{200B}"),
        ("characters that become eighteen", "ﷺ"),
        ("characters that become three", "ΐ"),
        ("ideographs", "漢"),
        ("Chinese", "数据库备份与恢复"),
        ("Thai", "ฐานข้อมูล"),
        ("Thai vowels", "ี"),
        ("Burmese", "မြန်မာ"),
        ("Khmer", "ភាសា"),
        ("Hangul", "학교에서는"),
        ("jamo", "ᄀ"),
        ("half-width kana", "ﾊﾞ"),
        ("emojis", "😀"),
        ("joined emojis", "👩\u{200D}"),
        ("skin tones", "🏽"),
        ("flags", "🇩"),
        ("Hindi", "हिन्दी"),
        ("viramas", "क\u{94D}"),
        ("NUL", "\0"),
    ];
    repeated.into_iter().map(|(name, fragment)| (name, fill(fragment, bytes))).collect()
}

fn time(text: &str) -> Duration {
    let began = Instant::now();
    analyze(text, || {}, |word| assert!(word.form.len() <= MAX_WORD));
    began.elapsed()
}

#[test]
fn time_grows_with_the_text_and_not_faster() {
    for ((name, small), (_, large)) in texts(5_000).into_iter().zip(texts(40_000)) {
        // Linear: 8 times as long, quadratic: 64 times. On a busy machine some runs are slow, not all.
        let is_linear = || time(&large) <= 24 * time(&small) + Duration::from_millis(5);
        assert!((0..20).any(|_| is_linear()), "{name}");
    }
}

#[test]
fn ticks_come_for_every_64_kib() {
    for (name, text) in texts(135_000) {
        let mut ticks = 0;
        analyze(&text, || ticks += 1, |_| {});
        assert!(ticks >= text.len() / 65_536, "{name}: {ticks}");
    }
}

#[test]
fn a_tick_can_unwind_at_any_time() {
    for (name, text) in texts(135_000) {
        for at in [0, 1] {
            let mut left = at;
            let tick = || {
                left = usize::checked_sub(left, 1)
                    .unwrap_or_else(|| std::panic::resume_unwind(Box::new(())));
            };
            let run = AssertUnwindSafe(|| analyze(&text, tick, |_| {}));
            assert!(catch_unwind(run).is_err(), "{name} cannot be cancelled");
        }
    }
}

#[test]
fn positions_and_offsets_hold_in_any_text() {
    for (name, text) in texts(12_000) {
        let mut position = 0;
        for word in words(&text) {
            assert!(word.position == position || word.position == position + 1, "{name}");
            assert!(word.start < word.end && text.get(word.start..word.end).is_some(), "{name}");
            position = word.position;
        }
    }
}

#[test]
fn a_run_without_separator_is_cut_at_the_longest_word() {
    let found = words(&"a".repeat(5_000));
    let lengths: Vec<usize> = found.iter().map(|word| word.form.len()).collect();
    assert_eq!(lengths, [MAX_WORD, MAX_WORD, 5_000 - 2 * MAX_WORD]);
    assert!(found.is_sorted_by(|a, b| a.end == b.start));
    let found = words(&"é".repeat(3_000));
    assert!(found.iter().all(|word| word.form.len() <= MAX_WORD));
    assert_eq!(found.iter().map(|word| word.end - word.start).max(), Some(MAX_WORD));
}

#[test]
fn a_compound_that_is_too_long_is_given_in_parts() {
    let path = "folder/".repeat(1_000);
    let found = words(&path);
    assert_eq!(found.iter().filter(|word| word.form == "folder").count(), 1_000);
    assert_eq!(found.last().map(|word| word.position), Some(1_000));
}

#[test]
fn a_word_that_normalising_makes_too_long_is_cut() {
    let found = words(&"ΐ".repeat(1_000));
    assert!(found.iter().all(|word| word.form.len() <= MAX_WORD));
    assert!(!found.is_empty());
}
