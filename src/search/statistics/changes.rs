//! Changes of the search statistics: the triggers that add them, and counting again.

use super::merge::merge_sometimes;
use super::rows::{Summary, Texts};
use crate::documents::{malformed, title_words_of};
use crate::pg::error::{Result, check_for_interrupts};
use crate::pg::spi::{self, Access, Arg, Db, PassingRow};
use crate::pg::trigger::{self, Returned};
use carrel_core::tsvector::View;
use carrel_core::{postings, vocabulary};
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::collections::BTreeMap;

/// Number of words of a vocabulary, and of postings, from which they are written, and others begun.
const MAX_WORDS: usize = 200_000;
const MAX_POSTINGS: usize = 1_000_000;

/// Changes of the search statistics.
#[derive(Default)]
struct Changes {
    of_texts: BTreeMap<Texts, Change>,
    /// Number of file names.
    names: usize,
}

/// Changes of one user's texts in one language.
#[derive(Default)]
struct Change {
    chunks: i64,
    words: i64,
    vocabulary: vocabulary::Changes,
    postings: postings::Builder,
    /// Parts that have grown large.
    full: Vec<Summary>,
}

impl Change {
    /// Counts the words of a text, in the columns `from` to `to` of a row.
    fn count(
        &mut self,
        row: &PassingRow,
        columns: std::ops::RangeInclusive<usize>,
        sign: i64,
    ) -> Result<()> {
        let mut text = String::new();
        for column in columns {
            row.with_bytes(column, |bytes| {
                text.push_str(&String::from_utf8_lossy(bytes));
                text.push('\n');
            })?;
        }
        self.vocabulary.count(&text, sign, check_for_interrupts);
        Ok(())
    }

    /// Adds or removes the postings of a chunk, in the columns from 7 of a row.
    fn post(&mut self, row: &PassingRow, sign: i64) -> Result<()> {
        let text = postings::Text {
            id: *row.need::<Uuid>(7)?.as_bytes(),
            document: *row.need::<Uuid>(8)?.as_bytes(),
            words: row.need::<i32>(4)?.max(0) as u32,
            title_words: title_words_of(row.get(9).unwrap_or_default()),
        };
        let posted = row.with_bytes(10, |vector| {
            let vector = View::open(vector).map_err(malformed)?;
            match sign {
                1.. => self.postings.add(text, &vector),
                _ => self.postings.remove(text, &vector),
            }
            Ok(())
        })?;
        posted.unwrap_or(Ok(()))
    }

    /// Begins others if vocabulary or postings have grown large.
    fn cut(&mut self) {
        if self.vocabulary.len() > MAX_WORDS || self.postings.len() > MAX_POSTINGS {
            let summary = self.take();
            self.full.push(summary);
        }
    }

    fn take(&mut self) -> Summary {
        let postings = std::mem::take(&mut self.postings);
        Summary {
            chunks: std::mem::take(&mut self.chunks),
            words: std::mem::take(&mut self.words),
            vocabulary: std::mem::take(&mut self.vocabulary).encode(),
            removed: postings.removed() as i64,
            postings: postings.encode(),
        }
    }
}

impl Changes {
    fn of(&mut self, row: &PassingRow) -> Result<(&mut Change, i64)> {
        let texts = (*row.need::<Uuid>(1)?.as_bytes(), row.need::<String>(2)?);
        Ok((self.of_texts.entry(texts).or_default(), row.need::<i32>(3)?.into()))
    }

    /// Adds the chunks that a query returns: user_id, language, sign, words, headings, content, id,
    /// document_id, title_words, search_vector.
    fn add_chunks(&mut self, db: &Db, chunks: &'static str, args: &[Arg]) -> Result<()> {
        db.stream(chunks, args, |row| {
            let (change, sign) = self.of(row)?;
            change.chunks += sign;
            change.words += sign * i64::from(row.need::<i32>(4)?);
            change.count(row, 5..=6, sign)?;
            change.post(row, sign)?;
            change.cut();
            Ok(())
        })
    }

    /// Adds the file names that a query returns: user_id, language, sign, name.
    fn add_names(&mut self, db: &Db, names: &'static str, args: &[Arg]) -> Result<()> {
        db.stream(names, args, |row| {
            let (change, sign) = self.of(row)?;
            change.count(row, 4..=4, sign)?;
            change.cut();
            self.names += 1;
            Ok(())
        })
    }

    /// Inserts the changes. Returns users and languages that changed.
    fn write(self, db: &Db) -> Result<Vec<Texts>> {
        let mut changed = Vec::new();
        for (texts, mut change) in self.of_texts {
            let rest = change.take();
            let summaries: Vec<Summary> = change.full.into_iter().chain([rest]).collect();
            if summaries.iter().all(Summary::is_empty) {
                continue;
            }
            for summary in summaries {
                check_for_interrupts();
                summary.insert(db, &texts)?;
            }
            changed.push(texts);
        }
        Ok(changed)
    }
}

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
        spi::as_owner(Access::Write, |db| {
            let chunks = match operation {
                pg_sys::TRIGGER_EVENT_INSERT => {
                    include_str!("../../../sql/search/statistics/inserted_chunks.sql")
                }
                pg_sys::TRIGGER_EVENT_UPDATE => {
                    include_str!("../../../sql/search/statistics/updated_chunks.sql")
                }
                pg_sys::TRIGGER_EVENT_DELETE => {
                    include_str!("../../../sql/search/statistics/deleted_chunks.sql")
                }
                _ => return rebuild_names(db),
            };
            db.register_trigger_data(trigger)?;
            if operation == pg_sys::TRIGGER_EVENT_DELETE {
                db.execute(
                    "delete from carrel.embedding_leases where chunk_id in (select id from removed)",
                    &[],
                )?;
            }
            let mut changes = Changes::default();
            changes.add_chunks(db, chunks, &[])?;
            // The chunks of one document, in general.
            merge_sometimes(db, &changes.write(db)?, 1)
        })
    })
}

/// Trigger AFTER INSERT, UPDATE or DELETE of documents: adds the words of file names to the search
/// statistics.
///
/// Waits for no lock.
#[pg_trigger]
fn count_names<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::statement(trigger, || {
        let operation = trigger::operation(trigger);
        if operation == pg_sys::TRIGGER_EVENT_INSERT && trigger::restoring()? {
            return Ok(());
        }
        let names = match operation {
            pg_sys::TRIGGER_EVENT_INSERT => {
                include_str!("../../../sql/search/statistics/inserted_names.sql")
            }
            pg_sys::TRIGGER_EVENT_UPDATE => {
                include_str!("../../../sql/search/statistics/updated_names.sql")
            }
            _ => include_str!("../../../sql/search/statistics/deleted_names.sql"),
        };
        spi::as_owner(Access::Write, |db| {
            db.register_trigger_data(trigger)?;
            let mut changes = Changes::default();
            changes.add_names(db, names, &[])?;
            let names = changes.names;
            merge_sometimes(db, &changes.write(db)?, names)
        })
    })
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

/// Counts the texts of a user in one language again.
fn rebuild(db: &Db, user: Uuid, language: &str) -> Result<()> {
    let args = [user.into(), language.into()];
    db.execute("delete from carrel.search_statistics where user_id = $1 and language = $2", &args)?;
    let mut changes = Changes::default();
    changes.add_chunks(
        db,
        include_str!("../../../sql/search/statistics/stored_chunks.sql"),
        &args,
    )?;
    changes.add_names(
        db,
        include_str!("../../../sql/search/statistics/stored_names.sql"),
        &args,
    )?;
    changes.write(db)?;
    Ok(())
}

/// Counts again where the statistics differ from the chunks. `drift` is the query that finds these.
pub fn rebuild_differing(db: &Db, drift: &'static str) -> Result<()> {
    let differing =
        db.rows(drift, &[], |row| Ok((row.need::<Uuid>(1)?, row.need::<String>(2)?)))?;
    differing.into_iter().try_for_each(|(user, language)| rebuild(db, user, &language))
}

/// Adds the words of the file names that a query returns: user_id, language, sign, name.
pub fn add_names(db: &Db, names: &'static str) -> Result<()> {
    let mut changes = Changes::default();
    changes.add_names(db, names, &[])?;
    changes.write(db)?;
    Ok(())
}

/// Counts all names again, after all chunks are gone.
fn rebuild_names(db: &Db) -> Result<()> {
    db.execute("delete from carrel.search_statistics", &[])?;
    add_names(db, "select user_id, language, 1, filename from carrel.documents")
}
