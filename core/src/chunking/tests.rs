//! Ticks: every loop over text reports its work.

use super::meter::{Meter, QUANTUM};
use super::{graphemes, space, words};

/// Fails if `work` on 1 MiB of text ticks less often than promised.
fn assert_ticks(sample: &str, work: impl Fn(&str, &mut Meter<&mut dyn FnMut()>)) {
    let text = sample.repeat((1 << 20) / sample.len());
    let mut ticks = 0;
    let mut tick = || ticks += 1;
    work(&text, &mut Meter::new(&mut tick));
    assert!(ticks >= 16, "{sample:?}: {ticks}");
}

#[test]
fn every_scan_of_text_ticks() {
    assert_ticks(" ", |text, meter| {
        space::skip_space(text, 0, meter);
    });
    assert_ticks("\n", |text, meter| {
        space::trim_end(text, 0, text.len(), meter);
    });
    assert_ticks("a", |text, meter| {
        space::find_newline(text, 0, text.len(), meter);
    });
    assert_ticks("a", |text, meter| {
        space::rfind_newline(text, 0, text.len(), meter);
    });
    for sample in ["a", "é", "漢"] {
        assert_ticks(sample, |text, meter| {
            space::count_chars(text, 0, text.len(), meter);
        });
        assert_ticks(sample, |text, meter| {
            space::advance_chars(text, 0, text.len(), meter);
        });
        assert_ticks(sample, |text, meter| {
            space::retreat_chars(text, 0, text.len(), text.len(), meter);
        });
    }
    for sample in ["a", "a b ", "\u{301}", "🇩", " ", "'", "👩\u{200D}"] {
        assert_ticks(sample, |text, meter| {
            words::count_words(text, 0, text.len(), meter);
        });
    }
}

#[test]
fn both_ways_of_a_search_for_a_cluster_tick() {
    for sample in ["\u{301}", "🇩", "\u{600}"] {
        let text = sample.repeat((1 << 20) / sample.len());
        let mut ticks = 0;
        let to = text.len() - sample.len();
        graphemes::last_boundary(&text, 0, to, &mut Meter::new(|| ticks += 1));
        // The scan back reports eight times its bytes.
        let back = (8 << 20) / QUANTUM;
        assert!(ticks >= back + 16, "{sample:?}: {ticks}");
    }
}
