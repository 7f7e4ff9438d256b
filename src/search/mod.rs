//! Ranked search of the caller's own documents.
//!
//! Candidates are read and ranked as the owner, restricted to the caller's rows by the queries: with
//! row-level security, `@@` could not use an index, because it is not leakproof. The ranked rows are
//! then fetched as the caller, so policies that an operator adds hold for search as well.
//!
//! - [`search_chunks`], [`search_documents`], [`context`] (a prompt), [`suggest`], [`similar_documents`]:
//!   the functions
//! - [`found`]: one search, from arguments to hits; [`page`] and [`passages`]: from hits to results
//! - [`query`] parses a query, [`typos`] corrects it, [`filter`] restricts documents
//! - [`statistics`] of a user's texts: their numbers, vocabulary and postings
//! - [`candidates`] reads chunks with any term, by postings, and names, by search [`keys`]; [`written`]
//!   compares beginnings of words with the texts
//! - [`ranking`] scores them by BM25
//! - [`nearest`] ranks chunks by embeddings; [`hybrid`] fuses both rankings
//! - [`visibility`]: policies that may hide a caller's own rows

mod candidates;
mod context;
mod filter;
mod found;
mod hybrid;
mod keys;
mod nearest;
mod page;
mod passages;
mod query;
mod ranking;
mod search_chunks;
mod search_documents;
mod settings;
mod similar_documents;
mod statistics;
mod suggest;
mod typos;
mod visibility;
mod written;

use crate::pg::error::{Error, Result, SqlState};
use crate::pg::spi::{self, Access};
use pgrx::datum::Interval;
pub use statistics::add_names as count_names;
pub use statistics::rebuild_differing as rebuild_differing_statistics;

/// Registers the settings of search.
pub fn register_settings() {
    settings::register();
}

/// Checks an argument that must not be null or negative: 22023.
fn not_negative(name: &str, value: Option<i32>) -> Result<usize> {
    value.and_then(|value| usize::try_from(value).ok()).ok_or_else(|| {
        let given = value.map_or("null".to_owned(), |value| value.to_string());
        Error::new(SqlState::InvalidParameterValue, format!("{name} must be from 0: {given}"))
    })
}

/// Checks an interval that must be positive, if it is given: 22023.
fn positive(name: &str, value: Option<Interval>) -> Result<Option<Interval>> {
    let Some(interval) = value else { return Ok(None) };
    let sql = "select case when extract(epoch from $1) <= 0 then $1::text end";
    let refused = spi::as_caller(Access::Read, |db| {
        db.first(sql, &[interval.into()], |row| Ok(row.get::<String>(1)))
    })?;
    match refused.flatten() {
        Some(given) => Err(Error::new(
            SqlState::InvalidParameterValue,
            format!("{name} must be longer than 0: {given}"),
        )),
        None => Ok(Some(interval)),
    }
}
