//! Measuring time: warm, in rounds in which each side runs once, the median of the rounds. So what
//! disturbs a machine for a second disturbs all of them.

use crate::size::scaled;
use std::time::{Duration, Instant};

/// Rounds that count.
const MOST_ROUNDS: usize = 5;
/// What is faster is repeated within a round until it takes this long.
const LONG_ENOUGH: Duration = Duration::from_millis(20);

/// What takes longer runs once.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is measured: it does its work once, on `bytes` of input, and says how many pieces came out.
struct Contestant<'a> {
    name: String,
    bytes: usize,
    work: Box<dyn FnMut() -> usize + 'a>,
}

/// Those that are measured side by side.
#[derive(Default)]
pub struct Contest<'a> {
    contestants: Vec<Contestant<'a>>,
}

/// What came of one of them.
#[derive(Clone, Debug)]
pub struct Timing {
    pub name: String,
    pub bytes: usize,
    pub pieces: usize,
    pub seconds: f64,
    /// Of how many runs this is the median.
    pub runs: usize,
}

impl Timing {
    /// Megabytes (10⁶) in a second.
    pub fn speed(&self) -> f64 {
        self.bytes as f64 / 1e6 / self.seconds
    }

    pub fn nanoseconds_each(&self) -> f64 {
        self.seconds * 1e9 / self.pieces.max(1) as f64
    }
}

impl<'a> Contest<'a> {
    pub fn add(&mut self, name: &str, bytes: usize, work: impl FnMut() -> usize + 'a) {
        self.contestants.push(Contestant { name: name.into(), bytes, work: Box::new(work) });
    }

    /// Runs them all; the timings come in the order in which they were added.
    pub fn run(mut self) -> Vec<Timing> {
        let rounds = scaled(MOST_ROUNDS, 1);
        let long_enough = scaled(LONG_ENOUGH, Duration::ZERO);
        let mut timings: Vec<Timing> = Vec::new();
        let mut repeats = Vec::new();
        for contestant in &mut self.contestants {
            // The first run loads what is loaded lazily; the second is warm.
            let (mut once, mut pieces) = timed(&mut contestant.work);
            if once < PATIENCE {
                (once, pieces) = timed(&mut contestant.work);
            }
            timings.push(Timing {
                name: contestant.name.clone(),
                bytes: contestant.bytes,
                pieces,
                seconds: once.as_secs_f64(),
                runs: if once < PATIENCE { rounds } else { 1 },
            });
            repeats.push((long_enough.as_secs_f64() / once.as_secs_f64()).ceil().max(1.0) as u32);
        }
        let mut times = vec![Vec::new(); timings.len()];
        for _ in 0..rounds {
            for (i, contestant) in self.contestants.iter_mut().enumerate() {
                if timings[i].runs == rounds {
                    let began = Instant::now();
                    for _ in 0..repeats[i] {
                        std::hint::black_box((contestant.work)());
                    }
                    times[i].push(began.elapsed().as_secs_f64() / f64::from(repeats[i]));
                }
            }
        }
        for (timing, times) in timings.iter_mut().zip(times).filter(|(_, times)| !times.is_empty())
        {
            timing.seconds = median(times);
        }
        timings
    }
}

fn timed(work: &mut dyn FnMut() -> usize) -> (Duration, usize) {
    let began = Instant::now();
    let pieces = work();
    (began.elapsed().max(Duration::from_nanos(1)), pieces)
}

/// Of an even number of values, the lower of the two in the middle. Panics if there are none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) / 2]
}
