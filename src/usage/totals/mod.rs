//! Totals: sums over events, for limits and reports.
//!
//! Writers of `usage_totals`:
//!
//! - [`add::add`], called by ledger/counting.rs for each recorded event, on both of its paths: the
//!   direct insert and the trigger of usage_events; by add_to_total.sql and insert_total.sql where rows
//!   cannot be written directly
//! - `merge_past`, called by [`add::add`] where it found no row of this backend: merges the user's rows
//!   of past days
//! - `rebuild_totals`: when a billing anchor or time zone changes, in rebuild_usage(), and at the end
//!   of import_from()
//! - the foreign key of user_profiles, which deletes a user's rows; restores and replication, which
//!   copy rows
//!
//! Modules:
//!
//! - [`add`]: adds events to daily totals; [`merge`] merges those of past days
//! - [`usage_count`] counts agent requests in the profiles
//! - [`verify`], [`rebuild`]: compare totals with the events, and compute them from the events
//! - [`reports`] computes usage_report()

pub mod add;
mod merge;
pub mod rebuild;
mod reports;
pub mod usage_count;
mod verify;
