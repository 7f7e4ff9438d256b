//! Measures the analyzer: speed for each file, longest time between two ticks, memory.
//!
//! `cargo run --release --example analysis [FILE …]`. Without files: generated texts of 8 MB. Memory is the
//! resident set before and after texts that use every dictionary (Linux).

use std::time::{Duration, Instant};

use carrel_core::text::analyze;

/// Sentences of each script, repeated.
const SENTENCES: &[(&str, &str)] = &[
    ("English", "The quick brown fox jumps over the lazy dog, and nobody minds. Then it rests.\n"),
    ("code", "let userName = config.get_value(\"user.name\")?; // see src/lib.rs, v1.2.3\n"),
    ("German", "Die Prüfung der Bestätigung für größere Aufträge erfolgt täglich.\n"),
    ("Russian", "Резервное копирование базы данных выполняется каждый день.\n"),
    ("Arabic", "يتم النسخ الاحتياطي لقاعدة البيانات كل يوم.\n"),
    ("Hindi", "डेटाबेस का बैकअप हर दिन लिया जाता है।\n"),
    ("Korean", "데이터베이스를 매일 백업하고 학교에서는 복구를 시험합니다.\n"),
    ("Chinese", "数据库备份与恢复的方法很多，每天都要检查。"),
    ("Japanese", "データベースのバックアップを毎日取ることが重要です。"),
    ("Thai", "การสำรองฐานข้อมูลภาษาไทยทำทุกวัน"),
    ("Lao", "ພາສາລາວເປັນພາສາທາງການ"),
    ("Khmer", "ខ្ញុំស្រលាញ់ភាសាខ្មែរ"),
    ("Burmese", "မြန်မာစာကိုဖတ်သည်"),
    ("decomposed", "La ve\u{301}rite\u{301} e\u{301}tait de\u{301}ja\u{300} lu\u{308}e.\n"),
    ("marks", "\u{301}\u{323}\u{345}\u{5B0}\u{334}"),
    ("no separator", "a"),
];

const BYTES: usize = 8_000_000;

/// Resident set in KiB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Every character of the scripts with dictionaries, alone and after every hundredth other one.
fn all_characters() -> String {
    let ranges = [
        '\u{E00}'..='\u{EFF}',
        '\u{1000}'..='\u{109F}',
        '\u{1780}'..='\u{17FF}',
        '\u{3041}'..='\u{30FF}',
    ];
    let mut text: String = ranges.into_iter().flatten().chain('\u{4E00}'..='\u{9FFF}').collect();
    for step in [7, 101] {
        text.extend(('\u{4E00}'..='\u{9FFF}').step_by(step));
    }
    text
}

/// Analyses a text a few times and prints the speed.
fn measure(name: &str, text: &str) {
    let (mut best, mut longest, mut words) = (Duration::MAX, Duration::ZERO, 0_u64);
    for _ in 0..5 {
        let began = Instant::now();
        let mut last = began;
        words = 0;
        let tick = || {
            let now = Instant::now();
            longest = longest.max(now - last);
            last = now;
        };
        analyze(text, tick, |_| words += 1);
        best = best.min(began.elapsed());
    }
    let speed = text.len() as f64 / best.as_secs_f64() / 1e6;
    println!(
        "{name:<40} {:>10} bytes {words:>9} words {speed:>7.1} MB/s, ticks {longest:?}",
        text.len()
    );
}

fn main() {
    let before = resident();
    let all = all_characters();
    analyze(&all, || {}, |_| {});
    for (_, sentence) in SENTENCES {
        analyze(&sentence.repeat(100), || {}, |_| {});
    }
    println!("resident set: {before} KiB, with all scripts {} KiB", resident());
    let files: Vec<String> = std::env::args().skip(1).collect();
    for file in &files {
        match std::fs::read_to_string(file) {
            Ok(text) => measure(file, &text),
            Err(error) => eprintln!("{file}: {error}"),
        }
    }
    if files.is_empty() {
        for (name, sentence) in SENTENCES {
            measure(name, &sentence.repeat(BYTES / sentence.len() + 1));
        }
        println!("resident set: {} KiB with the largest text", resident());
    }
}
