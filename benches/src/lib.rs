//! What the benchmarks share. Each of `src/bin` prints both sides and the ratio, from one run, and
//! says what the limit is; none of them fails because a figure is bad.
//!
//! `make bench-chunking` runs `core` and `database`, `make bench-retrieval` runs `retrieval` and
//! `ranking`, `make bench-search` runs `search`, `make bench-usage` runs `usage`. `make test-benches` runs each of them once
//! at its smallest size ([`size`]), lest it rot.

pub mod beir;
pub mod bm25;
mod clock;
pub mod generated;
mod inputs;
pub mod latency;
mod registry;
pub mod relevance;
pub mod report;
pub mod server;
pub mod size;
pub mod spans;
pub mod tenants;

pub use clock::{Contest, Timing, median};
pub use inputs::{Input, large_text};
