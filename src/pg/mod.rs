//! Everything that is Postgres' and knows no domain. Unsafe code lives here and nowhere else.
//!
//! Errors and memory: [`error`] raises with any SQLSTATE and catches what Postgres raises, [`memory`] keeps a reserve for Rust's
//! values, [`scratch`] is a memory context that is emptied again and again. Every C function that pgrx does not declare as carrel
//! needs it is in [`ffi`], once.
//!
//! There are four ways to read rows; take the first that serves:
//!
//! 1. [`spi`]'s `rows`, `first` and `value`: a statement whose rows are few. Plans are kept, and rows are copied.
//! 2. [`spi`]'s `stream`: a statement whose rows are many or large. Each is there until the next one comes.
//! 3. [`heap`]: rows of carrel's own tables by an index, without a statement, for what every event reads or changes: a statement
//!    takes longer to start than to run. `heap::table_scan` reads tables of others as a whole, past the planner, which would
//!    run their owner's code.
//! 4. [`gin`]: rows that a GIN index has for a key, chosen one by one, where a statement would read all of them.
//!
//! [`spi`] says with whose rights a statement runs: the caller's, or those of the [`owner`] of carrel's tables, of whom
//! [`foreign_code`] keeps code of other roles away.

pub mod backend;
pub mod cache;
pub mod catalog;
pub mod clock;
pub mod error;
pub mod extension;
pub mod ffi;
pub mod foreign_code;
pub mod gin;
pub mod guc;
pub mod heap;
pub mod ids;
pub mod locks;
pub mod memory;
pub mod owner;
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
