//! How long queries take: each of them on all sides in turn, so that what disturbs a machine for a
//! second disturbs all of them.

use std::time::{Duration, Instant};

use crate::clock::median;
use crate::report;

/// A side is warm when all queries have run, or they have run for this long.
const WARM: Duration = Duration::from_secs(10);

/// What is measured: it answers a query, and says how many rows it found.
pub struct Side<'q, Q> {
    name: String,
    answer: Box<dyn FnMut(&Q) -> usize + 'q>,
    /// How many of the queries it answers, the first ones.
    queries: usize,
}

/// How long each query took on one side: the median of its rounds, in seconds.
pub struct Latencies {
    pub name: String,
    pub seconds: Vec<f64>,
    /// How many queries found nothing.
    pub empty: usize,
}

impl<'q, Q> Side<'q, Q> {
    pub fn new(name: &str, answer: impl FnMut(&Q) -> usize + 'q) -> Self {
        Self { name: name.into(), answer: Box::new(answer), queries: usize::MAX }
    }

    /// No more than these: it is slow.
    pub fn only(self, queries: usize) -> Self {
        Self { queries, ..self }
    }
}

/// Runs all queries on all sides; what comes out is in the order of the sides.
pub fn run<Q>(mut sides: Vec<Side<Q>>, queries: &[Q], rounds: usize) -> Vec<Latencies> {
    for side in &mut sides {
        let began = Instant::now();
        for query in queries.iter().take(side.queries) {
            (side.answer)(query);
            if began.elapsed() > WARM {
                break;
            }
        }
    }
    let mut times = vec![vec![Vec::new(); queries.len()]; sides.len()];
    let mut empty = vec![0; sides.len()];
    for round in 0..rounds {
        for (number, query) in queries.iter().enumerate() {
            for turn in 0..sides.len() {
                // Nobody is always the one after the slowest.
                let place = (turn + number + round) % sides.len();
                let side = &mut sides[place];
                if number >= side.queries {
                    continue;
                }
                let began = Instant::now();
                let found = (side.answer)(query);
                times[place][number].push(began.elapsed().as_secs_f64());
                if round == 0 && found == 0 {
                    empty[place] += 1;
                }
            }
        }
    }
    let measured = sides.into_iter().zip(times).zip(empty);
    measured
        .map(|((side, times), empty)| Latencies {
            name: side.name,
            seconds: times.into_iter().filter(|times| !times.is_empty()).map(median).collect(),
            empty,
        })
        .collect()
}

impl Latencies {
    /// So many percent of the queries took no longer.
    pub fn percentile(&self, percent: f64) -> f64 {
        let mut sorted = self.seconds.clone();
        sorted.sort_by(f64::total_cmp);
        let place = (sorted.len() as f64 * percent / 100.0).ceil() as usize;
        sorted[place.clamp(1, sorted.len()) - 1]
    }

    /// Of the first queries.
    fn first(&self, queries: usize) -> Self {
        let seconds = self.seconds[..queries.min(self.seconds.len())].to_vec();
        Self { name: self.name.clone(), seconds, empty: self.empty }
    }

    pub fn named(self, name: &str) -> Self {
        Self { name: name.into(), ..self }
    }
}

/// The head of a table that [`Latencies::print`] fills.
pub fn head(title: &str) {
    println!("\n{title}");
    println!(
        "  {:<52} {:>7} {:>9} {:>9} {:>9} {:>9}",
        "", "queries", "p50 ms", "p95 ms", "max ms", "ratio"
    );
}

impl Latencies {
    /// A line of the table, with a ratio of p95s, as it is described above the table.
    pub fn print(&self, ratio: Option<f64>) {
        let milliseconds = |percent| report::number(self.percentile(percent) * 1e3);
        println!(
            "  {:<52} {:>7} {:>9} {:>9} {:>9} {:>9}{}",
            self.name,
            self.seconds.len(),
            milliseconds(50.0),
            milliseconds(95.0),
            milliseconds(100.0),
            ratio.map_or(String::new(), |ratio| format!("{} x", report::number(ratio))),
            match self.empty {
                0 => String::new(),
                empty => format!("  {empty} found nothing"),
            }
        );
    }

    /// How many times as long this side took as the other, at a percentile of the queries of both.
    pub fn ratio(&self, other: &Self, percent: f64) -> f64 {
        let both = self.seconds.len().min(other.seconds.len());
        self.first(both).percentile(percent) / other.first(both).percentile(percent)
    }
}

#[cfg(test)]
mod tests {
    use super::Latencies;

    #[test]
    fn five_of_a_hundred_take_longer_than_p95() {
        let seconds = (1..=100).rev().map(f64::from).collect();
        let latencies = Latencies { name: String::new(), seconds, empty: 0 };
        assert_eq!(latencies.percentile(50.0), 50.0);
        assert_eq!(latencies.percentile(95.0), 95.0);
        assert_eq!(latencies.percentile(100.0), 100.0);
        assert_eq!(latencies.first(2).percentile(95.0), 100.0);
    }
}
