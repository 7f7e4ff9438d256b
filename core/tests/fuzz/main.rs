//! Fuzzing of all that reads what others wrote. A target makes its input of bytes and checks what has to
//! hold; the bytes are random here, seeded.
//!
//! `make fuzz CASES=10000000` runs every target so often, `T=vectors` that one, `SEED=2` with other
//! bytes, `CASE=17` that case alone. Tests run some thousands of each.

#[path = "../chunking/invariants.rs"]
mod invariants;
#[path = "../merge_patch/of_the_rfc.rs"]
mod of_the_rfc;
#[path = "../chunking/page.rs"]
mod page;
#[path = "../chunking/pages.rs"]
mod pages;
#[path = "../jwt/signer.rs"]
mod signer;
#[path = "../chunking/text.rs"]
mod text;

mod json;
mod targets;

use arbitrary::Unstructured;
use std::time::Instant;
use targets::Target;

/// Of each target, unless CASES says otherwise: some seconds of all of them without optimisation.
const CASES: u64 = 20_000;

/// A number that the caller of make gave.
fn given(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty())?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}

/// The bytes of a case: most are few, for what is wrong is found sooner in a small text.
fn bytes_of(seed: u64, case: u64, bytes: &mut Vec<u8>) {
    let mut random = fastrand::Rng::with_seed(seed);
    random = fastrand::Rng::with_seed(random.u64(..) ^ case.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let most = match random.u8(..16) {
        0..8 => 32,
        8..15 => 96,
        _ => 500,
    };
    bytes.resize(random.usize(1..=most), 0);
    random.fill(bytes);
}

fn fuzz(name: &str, target: Target) {
    let (cases, seed) = (given("FUZZ_CASES").unwrap_or(CASES), given("FUZZ_SEED").unwrap_or(1));
    let range = given("FUZZ_CASE").map_or(0..cases, |case| case..case + 1);
    let mut bytes = Vec::new();
    let (count, began) = (range.end - range.start, Instant::now());
    let mut made = 0;
    for case in range {
        bytes_of(seed, case, &mut bytes);
        let run = || target(&mut Unstructured::new(&bytes));
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
            Ok(Ok(())) => made += 1,
            // The bytes were too few to make an input of.
            Ok(Err(_)) => {}
            Err(panic) => {
                eprintln!("{name}: again by `make fuzz T={name} SEED={seed} CASE={case}`");
                std::panic::resume_unwind(panic);
            }
        }
    }
    assert!(
        count == 1 || made * 2 > count,
        "{name}: only {made} of {count} cases came to anything"
    );
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "fuzz {name}: {count} cases of seed {seed} in {seconds:.0} s ({:.0}/s)",
        count as f64 / seconds
    );
}

macro_rules! fuzzed {
    ($($name:ident),* $(,)?) => { $(#[test] fn $name() { fuzz(stringify!($name), targets::$name); })* };
}

fuzzed!(
    chunks,
    pages,
    vectors,
    assembled,
    queries,
    claims,
    tokens,
    patches,
    months,
    days,
    transitions,
    prices,
    matches,
);
