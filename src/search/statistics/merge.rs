//! Merging of search statistics, so that a user has few rows.

use super::rows::{Texts, add};
use crate::documents::malformed;
use crate::pg::error::{Result, check_for_interrupts};
use crate::pg::ids::uuid_v7;
use crate::pg::spi::Db;
use crate::pg::xact;
use carrel_core::vocabulary;
use pgrx::datum::Uuid;
use std::cell::Cell;

/// Average number of statements for each merge.
const STATEMENTS_PER_MERGE: u8 = 32;

/// Bytes of vocabularies that are merged whatever their sizes.
const SMALL: i64 = 4096;

/// Bytes of vocabularies that are merged at most: some hundred thousand words. They are in memory.
const MAX_MERGED: i64 = 2 << 20;

/// Merges the statistics of users and languages, in one of 32 calls, chosen at random.
///
/// Not in REPEATABLE READ and SERIALIZABLE: a row that another transaction has merged is an error
/// there.
pub fn merge_sometimes(db: &Db, changed: &[Texts]) -> Result<()> {
    thread_local! {
        /// Transaction of the last merge. A transaction keeps scanning the rows that it has deleted, so
        /// repeated merges in one would become slower and slower.
        static LAST_MERGE: Cell<u32> = const { Cell::new(0) };
    }
    let may_merge = !changed.is_empty() && !xact::is_repeatable() && LAST_MERGE.get() != xact::id();
    if may_merge && uuid_v7().as_bytes()[15].is_multiple_of(STATEMENTS_PER_MERGE) {
        LAST_MERGE.set(xact::id());
        changed.iter().try_for_each(|texts| merge(db, texts))?;
    }
    Ok(())
}

/// Merges the smaller rows of a user and language. Rows that another transaction has locked stay.
///
/// A row is merged once the smaller ones together have half its size, so each word is written again a
/// logarithmic number of times (P. O'Neil and others, "The Log-Structured Merge-Tree", 1996).
fn merge(db: &Db, texts: &Texts) -> Result<()> {
    let sizes = db.rows(
        include_str!("../../../sql/search/statistics/sizes.sql"),
        &[Uuid::from_bytes(texts.0).into(), texts.1.as_str().into()],
        |row| Ok((row.need::<Uuid>(1)?, i64::from(row.need::<i32>(2)?))),
    )?;
    let mut sum = 0;
    let small: Vec<Uuid> = sizes
        .into_iter()
        .take_while(|(_, size)| {
            let is_small = *size <= 2 * sum + SMALL;
            sum += size;
            is_small && sum <= MAX_MERGED
        })
        .map(|(id, _)| id)
        .collect();
    if small.len() < 2 {
        return Ok(());
    }
    let (mut chunks, mut words) = (0, 0);
    let mut vocabularies = Vec::with_capacity(small.len());
    let take = include_str!("../../../sql/search/statistics/take.sql");
    db.stream(take, &[small.into()], |row| {
        chunks += row.need::<i64>(1)?;
        words += row.need::<i64>(2)?;
        vocabularies.extend(row.with_bytes(3, <[u8]>::to_vec)?);
        Ok(())
    })?;
    let vocabulary = vocabulary::sum(&vocabularies, check_for_interrupts).map_err(malformed)?;
    if chunks == 0 && words == 0 && vocabulary.is_empty() {
        return Ok(());
    }
    add(db, texts, [chunks, words], vocabulary)
}
