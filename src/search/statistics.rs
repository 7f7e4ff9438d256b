//! Search statistics: number and length of a user's chunks and documents in each language.
//!
//! Each statement that changes chunks inserts rows with its differences, so writers never wait for each
//! other. The rows of a user and language add up. Some statements merge them into one row.

use crate::pg::error::Result;
use crate::pg::ids::uuid_v7;
use crate::pg::spi::{self, Access, Db};
use crate::pg::trigger::{self, Returned};
use crate::pg::xact;
use carrel_core::ranking::Collection;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::cell::Cell;
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
    db.stream(include_str!("../../sql/search/statistics_of_user.sql"), &[user.into()], |row| {
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

const ADD_INSERTED: &str = include_str!("../../sql/search/statistics/add_inserted.sql");
const ADD_UPDATED: &str = include_str!("../../sql/search/statistics/add_updated.sql");
const ADD_DELETED: &str = include_str!("../../sql/search/statistics/add_deleted.sql");
const MERGE_WRITTEN: &str = include_str!("../../sql/search/statistics/merge_written.sql");
const MERGE_DELETED: &str = include_str!("../../sql/search/statistics/merge_deleted.sql");

/// Trigger AFTER INSERT, UPDATE, DELETE or TRUNCATE of document_chunks: adds the statement's changes to
/// the search statistics.
///
/// Deletes the leases of deleted chunks. Waits for no lock.
#[pg_trigger]
fn count_chunks<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::statement(trigger, || {
        let operation = trigger::operation(trigger);
        // A restore inserts the statistics as well. Other statements in its mode have to be counted.
        if operation == pg_sys::TRIGGER_EVENT_INSERT && trigger::restoring()? {
            return Ok(());
        }
        let (add, merge) = match operation {
            pg_sys::TRIGGER_EVENT_INSERT => (ADD_INSERTED, Some(MERGE_WRITTEN)),
            pg_sys::TRIGGER_EVENT_UPDATE => (ADD_UPDATED, Some(MERGE_WRITTEN)),
            pg_sys::TRIGGER_EVENT_DELETE => (ADD_DELETED, Some(MERGE_DELETED)),
            _ => ("delete from carrel.search_statistics", None),
        };
        spi::as_owner(Access::Write, |db| {
            db.register_trigger_data(trigger)?;
            if operation == pg_sys::TRIGGER_EVENT_DELETE {
                db.execute(
                    "delete from carrel.embedding_leases where chunk_id in (select id from removed)",
                    &[],
                )?;
            }
            let is_changed = db.execute(add, &[])? > 0;
            match merge {
                Some(merge) if is_changed => merge_sometimes(db, merge),
                _ => Ok(()),
            }
        })
    })
}

/// Merges statistics by a statement, in one of 32 calls, chosen at random.
///
/// Not in REPEATABLE READ and SERIALIZABLE: a row that another transaction has merged is an error
/// there.
fn merge_sometimes(db: &Db, merge: &'static str) -> Result<()> {
    /// Average number of statements for each merge.
    const STATEMENTS_PER_MERGE: u8 = 32;
    thread_local! {
        /// Transaction of the last merge. A transaction keeps scanning the rows that it has deleted, so
        /// repeated merges in one would become slower and slower.
        static LAST_MERGE: Cell<u32> = const { Cell::new(0) };
    }
    let may_merge = !xact::is_repeatable() && LAST_MERGE.get() != xact::id();
    if may_merge && uuid_v7().as_bytes()[15].is_multiple_of(STATEMENTS_PER_MERGE) {
        LAST_MERGE.set(xact::id());
        db.execute(merge, &[])?;
    }
    Ok(())
}

/// Trigger AFTER DELETE of user_profiles: deletes the users' search statistics.
#[pg_trigger]
fn forget_statistics<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::statement(trigger, || {
        spi::as_owner(Access::Write, |db| {
            db.register_trigger_data(trigger)?;
            db.execute(
                "delete from carrel.search_statistics where user_id in (select user_id from removed)",
                &[],
            )?;
            Ok(())
        })
    })
}
