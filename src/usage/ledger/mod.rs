//! Ledger of usage events: the facts that everything else of usage is derived from.
//!
//! - [`events`]: record_usage() and consume_usage(); [`batch`]: many events at once; [`void`]:
//!   undoing one
//! - [`insert`]: writes events; [`counting`]: adds them to totals, allowances and counters
//! - [`retries`]: events whose idempotency key is used; [`window`]: the time in which events may be
//!   recorded

mod batch;
mod counting;
pub mod events;
mod insert;
pub mod retries;
mod void;
mod window;
