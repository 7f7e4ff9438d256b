//! What is printed: a table of each input, and the targets in the end.

use crate::Timing;

/// What a figure has to be.
#[derive(Clone, Copy)]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// A figure beside what it has to be.
pub struct Target {
    pub what: String,
    pub figure: f64,
    pub bound: Bound,
    pub unit: &'static str,
}

impl Target {
    pub fn new(what: impl Into<String>, figure: f64, bound: Bound, unit: &'static str) -> Self {
        Self { what: what.into(), figure, bound, unit }
    }

    pub fn met(&self) -> bool {
        match self.bound {
            Bound::AtLeast(limit) => self.figure >= limit,
            Bound::AtMost(limit) => self.figure <= limit,
        }
    }
}

/// The head of a table that [`timing`] fills.
pub fn head(title: &str) {
    println!("\n{title}");
    println!(
        "  {:<48} {:>7} {:>10} {:>9} {:>10} {:>10}",
        "", "MB", "MB/s", "pieces", "ns/piece", "ratio"
    );
}

/// A line of the table: `ratio` is how many times as fast carrel is, none for carrel itself.
pub fn timing(timing: &Timing, ratio: Option<f64>, note: &str) {
    println!(
        "  {:<48} {:>7.2} {:>10} {:>9} {:>10} {:>10}{}{}",
        timing.name,
        timing.bytes as f64 / 1e6,
        number(timing.speed()),
        timing.pieces,
        number(timing.nanoseconds_each()),
        ratio.map_or(String::new(), |ratio| format!("{} x", number(ratio))),
        if note.is_empty() { "" } else { "  " },
        note
    );
}

/// All the targets, with what was measured.
pub fn targets(targets: &[Target]) {
    println!("\nTargets");
    for target in targets {
        let bound = match target.bound {
            Bound::AtLeast(limit) => format!("at least {}", number(limit)),
            Bound::AtMost(limit) => format!("at most {}", number(limit)),
        };
        println!(
            "  {:<58} {:>9} {:<5} {:<14} {}",
            target.what,
            number(target.figure),
            target.unit,
            bound,
            if target.met() { "met" } else { "NOT met" }
        );
    }
}

/// With as many digits as say something.
pub fn number(value: f64) -> String {
    match value {
        _ if value >= 100.0 => format!("{value:.0}"),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ if value >= 1.0 => format!("{value:.2}"),
        _ if value >= 0.1 => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}
