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

/// Average number of texts whose changes are between two merges.
const TEXTS_PER_MERGE: u32 = 8;

/// Number of rows from which they are merged.
const MIN_MERGED: usize = 4;

/// Bytes of a row that is merged whatever the sizes of others.
const SMALL: i64 = 16 << 10;

/// Bytes of rows that are merged at most: some ten thousand chunks. They are in memory.
const MAX_MERGED: i64 = 8 << 20;

/// Merges the statistics of users and languages, if it is due after another statement that changes some texts.
///
/// Not in REPEATABLE READ and SERIALIZABLE: a row that another transaction has merged is an error
/// there.
pub fn merge_sometimes(db: &Db, changed: &[Texts], texts: usize) -> Result<()> {
    if !changed.is_empty() && !xact::is_repeatable() && is_due(texts) {
        changed.iter().try_for_each(|texts| merge(db, texts))?;
    }
    Ok(())
}

/// True in one of [`TEXTS_PER_MERGE`] transactions that change one text, chosen at random. In a transaction that
/// changes more, after as many, and a quarter of those changed before: it keeps scanning the rows that it has
/// deleted, so merges become slower and slower. Always after a statement that changes as many.
fn is_due(texts: usize) -> bool {
    thread_local! {
        /// Transaction, number of texts that it has changed, and number from which to merge.
        static CHANGED: Cell<(u32, u32, u32)> = const { Cell::new((0, 0, 0)) };
    }
    let texts = u32::try_from(texts).unwrap_or(u32::MAX);
    let (transaction, before, due) = CHANGED.get();
    let (before, due) = if transaction == xact::id() {
        (before, due)
    } else {
        (0, 1 + u32::from(uuid_v7().as_bytes()[15]) % TEXTS_PER_MERGE)
    };
    let count = before.saturating_add(texts);
    let is_due = count >= due || texts >= TEXTS_PER_MERGE;
    let next = count.saturating_add(TEXTS_PER_MERGE + count / 4);
    CHANGED.set((xact::id(), count, if is_due { next } else { due }));
    is_due
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
/// A row is merged once the smaller ones together have twice its size, so each posting is written again a
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
    let (small, large) = rows.split_at(count_small(&rows));
    let mut ids: Vec<Uuid> = small.iter().map(|row| row.id).collect();
    let cleaned = row_to_clean(&rows, large);
    if let Some(row) = cleaned {
        ids.extend(large.iter().filter(|row| row.removed > 0).map(|row| row.id));
        ids.push(row.id);
    }
    if cleaned.is_none() && ids.len() < MIN_MERGED {
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

/// Number of rows that are merged, the smallest first: up to the last one of which the smaller ones together have
/// twice the size.
fn count_small(rows: &[Row]) -> usize {
    let (mut count, mut sum) = (0, 0);
    for (number, row) in (1..).zip(rows) {
        let is_small = row.size <= sum / 2 + SMALL;
        sum += row.size;
        if sum > MAX_MERGED {
            break;
        }
        if is_small {
            count = number;
        }
    }
    count
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
