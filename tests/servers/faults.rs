//! What can go wrong around carrel: servers that are killed, disks that are full, statements that are
//! cancelled, errors that are caught, sessions that go on for very long.
//!
//! ROUNDS says how often what depends on chance is done, for how long what takes long; `make test-soak` does it
//! more often than `make test`. SEED repeats a run as far as chance goes: what sessions do side by side is
//! never twice the same.

mod calls;
mod cancel;
mod caught;
mod crashes;
mod disk;
mod exhaustion;
mod load;
mod memory;
mod whole;

/// Numbers as by chance that follow from a seed.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from 0, below `end`. By splitmix64.
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// The environment's ROUNDS, or as many as a test does that nobody wants to wait for.
fn rounds(few: usize) -> usize {
    number("ROUNDS").map_or(few, |rounds| rounds as usize)
}

/// Whether this is a run that takes its time.
fn is_soak() -> bool {
    number("ROUNDS").is_some()
}

/// The environment's SEED, or another one each time; it is printed, so that a failure shows it.
fn seed() -> u64 {
    let now = std::time::UNIX_EPOCH.elapsed().expect("a clock").as_nanos() as u64;
    let seed = number("SEED").unwrap_or(now % 1_000_000);
    println!("SEED={seed}");
    seed
}

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok().filter(|value| !value.is_empty())?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable}={value} is no number")))
}
