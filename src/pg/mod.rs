//! Everything that is Postgres' and knows no domain.

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
