//! Algorithms of carrel, without Postgres: no pgrx, no unsafe.
#![forbid(unsafe_code)]
// Lints stand here because in [lints] they would apply to the tests too.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::todo,
        clippy::unimplemented,
        clippy::unreachable
    )
)]

pub mod binary;
pub mod chunking;
pub mod claims;
mod excerpt;
pub mod jwt;
pub mod language;
pub mod matching;
pub mod merge_patch;
mod merge_sorted;
pub mod periods;
pub mod postings;
pub mod prices;
pub mod ranking;
pub mod requests;
pub mod text;
pub mod tsvector;
pub mod vocabulary;
