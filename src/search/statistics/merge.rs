//! Merging of search statistics, so that a user has few rows.

use super::rows::{Summary, Texts};
use crate::documents::malformed;
use crate::pg::error::{Result, check_for_interrupts};
use crate::pg::ids::uuid_v7;
use crate::pg::spi::Db;
use crate::pg::xact;
use carrel_core::{postings, vocabulary};
use pgrx::datum::Uuid;
use std::cell::Cell;

/// Average number of statements for each merge.
const STATEMENTS_PER_MERGE: u8 = 32;

/// Bytes of a row that is merged whatever the sizes of others.
const SMALL: i64 = 16 << 10;

/// Bytes of rows that are merged at most: some ten thousand chunks. They are in memory.
const MAX_MERGED: i64 = 8 << 20;

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

/// Row of the search statistics.
struct Row {
    id: Uuid,
    /// Bytes of vocabulary and postings.
    size: i64,
    /// Number of texts in the postings.
    texts: i64,
    /// Number of texts that the postings remove.
    removed: i64,
}

/// Merges the smaller rows of a user and language. Rows that another transaction has locked stay.
///
/// A row is merged once the smaller ones together have half its size, so each posting is written again a
/// logarithmic number of times (P. O'Neil and others, "The Log-Structured Merge-Tree", 1996).
fn merge(db: &Db, texts: &Texts) -> Result<()> {
    let rows = db.rows(
        include_str!("../../../sql/search/statistics/sizes.sql"),
        &[Uuid::from_bytes(texts.0).into(), texts.1.as_str().into()],
        |row| {
            let (id, size) = (row.need(1)?, row.need::<i32>(2)?.into());
            Ok(Row { id, size, texts: row.need(3)?, removed: row.need(4)? })
        },
    )?;
    let mut sum = 0;
    let is_small = |row: &&Row| {
        let is_small = row.size <= 2 * sum + SMALL;
        sum += row.size;
        is_small && sum <= MAX_MERGED
    };
    let small = rows.iter().take_while(is_small).count();
    let (small, large) = rows.split_at(small);
    let mut ids: Vec<Uuid> = small.iter().map(|row| row.id).collect();
    if let Some(row) = row_to_clean(&rows, large) {
        ids.extend(large.iter().filter(|row| row.removed > 0).map(|row| row.id));
        ids.push(row.id);
    }
    if ids.len() < 2 {
        return Ok(());
    }
    let mut merged = Summary::default();
    let (mut vocabularies, mut postings) = (Vec::new(), Vec::new());
    let take = include_str!("../../../sql/search/statistics/take.sql");
    db.stream(take, &[ids.into()], |row| {
        merged.chunks += row.need::<i64>(1)?;
        merged.words += row.need::<i64>(2)?;
        vocabularies.extend(row.with_bytes(3, <[u8]>::to_vec)?);
        postings.extend(row.with_bytes(4, <[u8]>::to_vec)?);
        Ok(())
    })?;
    merged.vocabulary = vocabulary::sum(&vocabularies, check_for_interrupts).map_err(malformed)?;
    let sum = postings::sum(&postings, check_for_interrupts)?;
    // Removals from other rows stay in a small row of their own, which will be merged with these.
    let removed = sum.count_removed as i64;
    let removal =
        Summary { chunks: -removed, removed, postings: sum.removed, ..Summary::default() };
    removal.insert(db, texts)?;
    merged.chunks += removed;
    merged.postings = sum.texts;
    merged.insert(db, texts)
}

/// A large row to merge with all that remove texts, because they remove many: one in [`CLEANED`] of the texts in
/// large rows, or more. It is chosen at random.
fn row_to_clean<'a>(rows: &[Row], large: &'a [Row]) -> Option<&'a Row> {
    const CLEANED: i64 = 8;
    let removed: i64 = rows.iter().map(|row| row.removed).sum();
    let with_texts: Vec<&Row> =
        large.iter().filter(|row| row.texts > 0 && row.removed == 0).collect();
    let texts: i64 = with_texts.iter().map(|row| row.texts).sum();
    if with_texts.is_empty() || removed * CLEANED < texts {
        return None;
    }
    let at = usize::from(uuid_v7().as_bytes()[14]) % with_texts.len();
    with_texts.get(at).copied()
}
