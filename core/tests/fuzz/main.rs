//! Fuzzing of everything that reads untrusted input. A target makes its input from bytes and checks
//! its invariants. The bytes are random here, with a seed.
//!
//! `make fuzz CASES=10000000` runs every target as many times, `T=vectors` only that one, `SEED=2`
//! with other bytes, `CASE=17` only that case. Tests run some thousands of each.

#[path = "../chunking/html_soup.rs"]
mod html_soup;
#[path = "../chunking/invariants.rs"]
mod invariants;
#[path = "../chunking/pages.rs"]
mod pages;
#[path = "../merge_patch/reference.rs"]
mod reference;
#[path = "../jwt/signer.rs"]
mod signer;
#[path = "../chunking/text.rs"]
mod text;
#[path = "../text/typed.rs"]
mod typed;
#[path = "../text/invariants.rs"]
mod word_invariants;
#[path = "../text/words.rs"]
mod words;

mod json;
mod targets;

use arbitrary::Unstructured;
use std::time::Instant;
use targets::Target;

/// Cases of each target, unless CASES is given: some seconds for all of them without optimisation.
const CASES: u64 = 20_000;

/// Number in a variable given to make.
fn given(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty())?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}

/// Bytes of a case. Most cases are short: a fault is found sooner in a small text.
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
            // Not enough bytes for an input.
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
    postings,
    claims,
    tokens,
    patches,
    months,
    days,
    transitions,
    prices,
    matches,
    analyses,
    vocabularies,
);
