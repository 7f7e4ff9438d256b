//! Postgres, without any domain of carrel. All unsafe code is here.
//!
//! [`error`] raises errors with any SQLSTATE and catches Postgres's errors. [`memory`] is the allocator with
//! its reserve. [`scratch`] is a reusable memory context. [`ffi`] declares each C function that pgrx does not
//! declare as carrel needs it.
//!
//! Three ways to read rows; take the first that fits:
//!
//! 1. [`spi`]'s `rows`, `first` and `value`: a statement with few rows. Plans are kept, and rows are copied.
//! 2. [`spi`]'s `stream`: a statement with many or large rows. Each row is valid until the next one.
//! 3. [`heap`]: rows of carrel's own tables by an index, without a statement. For rows that every event reads
//!    or updates: a statement takes longer to start than to run. `heap::table_scan` reads whole tables of
//!    other roles without the planner, which would run the owner's code.
//!
//! [`spi`] runs statements with the rights of the caller, or of the [`owner`] of carrel's tables.
//! [`foreign_code`] keeps code of other roles from running with the owner's rights.

pub mod backend;
pub mod cache;
pub mod catalog;
pub mod clock;
pub mod error;
pub mod extension;
pub mod ffi;
pub mod foreign_code;
pub mod guc;
pub mod heap;
pub mod ids;
pub mod locks;
pub mod memory;
pub mod owner;
mod relation_ids;
pub mod roles;
pub mod scratch;
pub mod sealed;
pub mod single_row;
pub mod spi;
pub mod spool;
pub mod text_search;
pub mod toast;
pub mod trigger;
pub mod values;
pub mod xact;
