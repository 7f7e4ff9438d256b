//! Search statistics: number, length, words and postings of a user's texts in each language.
//!
//! Each statement that changes chunks or file names inserts rows with its differences, so writers never
//! wait for each other ([`changes`]). The rows of a user and language add up. Some statements merge
//! them ([`merge`]).

mod changes;
mod merge;
mod rows;

use crate::documents::malformed;
use crate::pg::error::{Error, Result, check_for_interrupts};
use crate::pg::spi::Db;
use crate::pg::toast::PartedValue;
use carrel_core::postings::{self, Segment, Source};
use carrel_core::ranking::Collection;
use carrel_core::vocabulary::{Malformed, Pattern, for_each, walk};
pub use changes::{add_names, rebuild_differing};
use pgrx::datum::Uuid;
use std::collections::BTreeMap;

/// Statistics of a user's texts in one language.
pub struct LanguageStatistics {
    pub language: String,
    pub chunks: Collection,
}

/// Reads the statistics of a user, ordered by language. Includes languages of documents that can be
/// found only by their names.
pub fn of_user(db: &Db, user: Uuid) -> Result<Vec<LanguageStatistics>> {
    let mut languages: BTreeMap<String, [i64; 2]> = BTreeMap::new();
    // Adds up here: starting an aggregate would take longer than reading the few rows.
    db.stream(include_str!("../../../sql/search/statistics_of_user.sql"), &[user.into()], |row| {
        let sums = languages.entry(row.need(1)?).or_default();
        for (sum, column) in sums.iter_mut().zip(2..) {
            *sum = sum.saturating_add(row.need(column)?);
        }
        Ok(())
    })?;
    let statistics = languages.into_iter().map(|(language, sums)| {
        let [chunks, words] = sums.map(|sum| sum.max(0) as u64);
        LanguageStatistics { language, chunks: Collection { texts: chunks, words } }
    });
    Ok(statistics.collect())
}

/// Calls `each` for all words of a user's texts in one language, with the number of chunks and names that
/// have it. A word may come several times: its numbers add up, to zero if it occurs no more.
pub fn for_each_word(
    db: &Db,
    user: Uuid,
    language: &str,
    mut each: impl FnMut(&str, i64),
) -> Result<()> {
    read_vocabularies(db, user, language, |vocabulary| for_each(vocabulary, &mut each))
}

/// Calls `each` for the words that match a pattern, as [`for_each_word`] does for all.
pub fn find_words<P: Pattern>(
    db: &Db,
    user: Uuid,
    language: &str,
    pattern: &P,
    mut each: impl FnMut(&str, i64, P::Match),
) -> Result<()> {
    read_vocabularies(db, user, language, |vocabulary| walk(vocabulary, pattern, &mut each))
}

fn read_vocabularies(
    db: &Db,
    user: Uuid,
    language: &str,
    mut read: impl FnMut(&[u8]) -> std::result::Result<(), Malformed>,
) -> Result<()> {
    db.stream(
        include_str!("../../../sql/search/statistics/vocabulary.sql"),
        &[user.into(), language.into()],
        |row| {
            check_for_interrupts();
            row.with_bytes(1, &mut read)?.unwrap_or(Ok(())).map_err(malformed)
        },
    )
}

impl Source for PartedValue {
    type Error = Error;

    fn read(&self, start: usize, length: usize) -> Result<Vec<u8>> {
        let bytes = PartedValue::read(self, start, length)?;
        if bytes.len() == length { Ok(bytes) } else { Err(malformed(postings::Malformed)) }
    }
}

impl From<postings::Malformed> for Error {
    fn from(error: postings::Malformed) -> Self {
        malformed(error)
    }
}

/// Postings of a user's chunks in one language. They add up.
pub fn segments(db: &Db, user: Uuid, language: &str) -> Result<Vec<Segment<PartedValue>>> {
    let mut segments = Vec::new();
    db.stream(
        include_str!("../../../sql/search/statistics/postings.sql"),
        &[user.into(), language.into()],
        |row| {
            if let Some(postings) = row.raw(1) {
                segments.push(Segment::open(PartedValue::of(postings)?)?);
            }
            Ok(())
        },
    )?;
    Ok(segments)
}
