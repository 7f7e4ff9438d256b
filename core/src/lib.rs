//! carrel's algorithms, without Postgres: no pgrx, no unsafe.
#![forbid(unsafe_code)]

pub mod chunking;
pub mod claims;
pub mod matching;
pub mod merge_patch;
pub mod periods;
pub mod prices;
pub mod ranking;
pub mod requests;
pub mod tsvector;
