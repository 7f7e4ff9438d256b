//! Renewal of search vectors that an older version of the analyzer made.
//!
//! Such chunks are found as before, by what their vectors have. The version stands in SQL as well: the
//! index on outdated chunks is of those that differ from it.

use super::pipeline::renamed_vector;
use super::vectors::{self, Parser};
use crate::pg::error::{Result, check_for_interrupts};
use crate::pg::spi::Db;
use crate::pg::values::TsVector;
use carrel_core::text::VERSION;
use pgrx::datum::Uuid;
use std::collections::BTreeSet;

/// Locks up to `max` documents with outdated chunks, except those that others have locked.
pub fn lock_outdated(db: &Db, max: i32) -> Result<Vec<Uuid>> {
    let outdated = include_str!("../../sql/documents/outdated_chunks.sql");
    let chunks = db.rows(outdated, &[max.into()], |row| Ok(*row.need::<Uuid>(1)?.as_bytes()))?;
    let documents: BTreeSet<[u8; 16]> = chunks.into_iter().collect();
    let documents: Vec<Uuid> = documents.into_iter().map(Uuid::from_bytes).collect();
    db.rows(
        "select id from carrel.documents where id = any ($1) order by id for update skip locked",
        &[documents.into()],
        |row| row.need(1),
    )
}

/// Number of outdated chunks.
pub fn count_outdated(db: &Db) -> Result<i64> {
    db.value(include_str!("../../sql/documents/count_outdated.sql"), &[])
}

/// Replaces the outdated vectors of a document. Its chunks stay as they were cut.
pub fn renew(db: &Db, id: Uuid) -> Result<()> {
    let document = db.first(
        "select user_id, filename, language from carrel.documents where id = $1",
        &[id.into()],
        |row| Ok((row.need::<Uuid>(1)?, row.need::<String>(2)?, row.need::<String>(3)?)),
    )?;
    let Some((user, filename, language)) = document else { return Ok(()) };
    // Some at a time: all of a document may be more than memory should hold.
    loop {
        let chunks = outdated_chunks(db, user, id)?;
        if chunks.is_empty() {
            break;
        }
        for chunk in chunks {
            check_for_interrupts();
            chunk.renew(db, &language)?;
        }
    }
    let mut parser = Parser::for_language(db, &language)?;
    let vector = renamed_vector(db, &mut parser, &filename, user, id)?;
    db.execute(
        "update carrel.documents set search_vector = $2 where id = $1",
        &[id.into(), TsVector::from_body(&vector).into()],
    )?;
    Ok(())
}

/// Takes the vectors of a document as they are, for it cannot be renewed: its language is gone, say. It must
/// not be tried again and again.
pub fn keep(db: &Db, id: Uuid) -> Result<()> {
    db.execute(
        include_str!("../../sql/documents/keep_vectors.sql"),
        &[id.into(), (VERSION as i32).into()],
    )?;
    Ok(())
}

/// Some of the outdated chunks of a document.
fn outdated_chunks(db: &Db, user: Uuid, document: Uuid) -> Result<Vec<OutdatedChunk>> {
    db.rows(
        include_str!("../../sql/documents/chunks_to_renew.sql"),
        &[user.into(), document.into()],
        |row| {
            let titles: Vec<Option<String>> = row.need(3)?;
            Ok(OutdatedChunk {
                id: row.need(1)?,
                language: row.get(2),
                titles: titles.into_iter().flatten().collect(),
                content: row.need(4)?,
                title_words: row.get(5),
            })
        },
    )
}

struct OutdatedChunk {
    id: Uuid,
    language: Option<String>,
    titles: Vec<String>,
    content: String,
    title_words: Option<i32>,
}

impl OutdatedChunk {
    fn renew(&self, db: &Db, language: &str) -> Result<()> {
        let mut parser = Parser::for_language(db, self.language.as_deref().unwrap_or(language))?;
        let vector = parser.chunk_vector(&self.titles, &self.content)?;
        let title_words = match self.title_words {
            Some(1..) => Some(parser.count_title_words(&self.content)?),
            none => none,
        };
        db.execute(
            include_str!("../../sql/documents/renew_chunk.sql"),
            &[
                self.id.into(),
                TsVector::from_body(&vector).into(),
                vectors::count_words(&vector)?.into(),
                title_words.into(),
                (VERSION as i32).into(),
            ],
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::VERSION;

    #[test]
    fn sql_has_the_version_of_the_analyzer() {
        let outdated = format!("analyzer_version is distinct from {VERSION} and");
        for sql in [
            include_str!("../../sql/tables/document_chunks.sql"),
            include_str!("../../sql/documents/outdated_chunks.sql"),
            include_str!("../../sql/documents/count_outdated.sql"),
            include_str!("../../sql/documents/chunks_to_renew.sql"),
            include_str!("../../sql/documents/keep_vectors.sql"),
        ] {
            assert!(sql.contains(&outdated), "{sql}");
        }
    }
}
