//! Totals of events, which everything but the ledger reads: adding to them, proving them, and
//! reports.
//!
//! - [`add`]: adds events to daily totals; [`merge`] merges those of past days
//! - [`usage_count`] counts agent requests in the profiles
//! - [`verify`], [`rebuild`]: compare totals with the ledger, and compute them from it
//! - [`reports`] computes usage_report()

pub mod add;
mod merge;
pub mod rebuild;
mod reports;
pub mod usage_count;
mod verify;
