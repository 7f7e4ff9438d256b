//! How many chunks a user has in each language, and how long they are.

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

/// The chunks of a user in one language.
pub struct Statistics {
    pub language: String,
    pub chunks: Collection,
    /// The documents that they are of.
    pub documents: Collection,
}

/// Those of a user, in the order of the languages' names. Documents that have nothing but their names
/// to be found by have a language, too.
pub fn of_user(db: &Db, user: Uuid) -> Result<Vec<Statistics>> {
    let mut languages: BTreeMap<String, [i64; 3]> = BTreeMap::new();
    // Added up here: to start an aggregate takes longer than to read what there is.
    db.stream(include_str!("../../sql/search/statistics_of_user.sql"), &[user.into()], |row| {
        let sums = languages.entry(row.need(1)?).or_default();
        for (sum, column) in sums.iter_mut().zip(2..) {
            *sum = sum.saturating_add(row.need(column)?);
        }
        Ok(())
    })?;
    let statistics = languages.into_iter().map(|(language, sums)| {
        let [documents, chunks, words] = sums.map(|sum| sum.max(0) as u64);
        Statistics {
            language,
            chunks: Collection { texts: chunks, words },
            documents: Collection { texts: documents, words },
        }
    });
    Ok(statistics.collect())
}

const ADD_INSERTED: &str = include_str!("../../sql/search/statistics/add_inserted.sql");
const ADD_UPDATED: &str = include_str!("../../sql/search/statistics/add_updated.sql");
const ADD_DELETED: &str = include_str!("../../sql/search/statistics/add_deleted.sql");
const MERGE_WRITTEN: &str = include_str!("../../sql/search/statistics/merge_written.sql");
const MERGE_DELETED: &str = include_str!("../../sql/search/statistics/merge_deleted.sql");

/// AFTER INSERT, UPDATE, DELETE or TRUNCATE of document_chunks: adds the difference that the statement
/// makes; leases of chunks that are gone go with them. Rows are only ever inserted, so nobody waits; now and then those that nobody else has locked
/// become one.
#[pg_trigger]
fn count_chunks<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    /// Of how many statements one folds.
    const STATEMENTS: u8 = 32;
    thread_local! {
        /// The transaction of the last fold. What a transaction deleted it goes on to visit, so that
        /// one that folded again and again would get slower and slower.
        static FOLDED: Cell<u32> = const { Cell::new(0) };
    }
    trigger::statement(trigger, || {
        let operation = trigger::operation(trigger);
        // A restore inserts; whoever deletes in that mode changes what was counted.
        if operation == pg_sys::TRIGGER_EVENT_INSERT && trigger::restoring() {
            return Ok(());
        }
        let (add, merge) = match operation {
            pg_sys::TRIGGER_EVENT_INSERT => (ADD_INSERTED, MERGE_WRITTEN),
            pg_sys::TRIGGER_EVENT_UPDATE => (ADD_UPDATED, MERGE_WRITTEN),
            pg_sys::TRIGGER_EVENT_DELETE => (ADD_DELETED, MERGE_DELETED),
            _ => ("delete from carrel.search_statistics", ""),
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
            // In the stricter levels of isolation, a row that another transaction folded is an error.
            let may_fold = !xact::is_repeatable() && FOLDED.get() != xact::id();
            let is_drawn = uuid_v7().as_bytes()[15].is_multiple_of(STATEMENTS);
            if is_changed && may_fold && is_drawn && !merge.is_empty() {
                FOLDED.set(xact::id());
                db.execute(merge, &[])?;
            }
            Ok(())
        })
    })
}

/// AFTER DELETE of user_profiles: deletes their statistics.
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
