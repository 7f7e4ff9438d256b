//! Trigger that completes chunks written by clients.

use super::{Parser, chunk_rows, vectors};
use crate::access;
use crate::pg::error::{Error, Result, SqlState};
use crate::pg::spi::{self, Access};
use crate::pg::trigger::{self, Change, Returned};
use crate::pg::values::TsVector;
use crate::users;
use carrel_core::text::VERSION;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use sha2::{Digest, Sha256};

/// Maximum size of a chunk that a client writes.
const MAX_CONTENT_BYTES: usize = 1 << 20;

/// Trigger BEFORE INSERT OR UPDATE of document_chunks: sets user_id, size, content_hash, search_vector,
/// language and words of chunks that a client writes.
///
/// Errors: 28000 (no identity), 54000 (content larger than 1 MiB), PT404 (no such document), 42501 (the
/// document has a text, and the caller is no service), 22023 (blank content, negative number, unknown language).
#[pg_trigger]
fn prepare_chunk<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        // Rows that carrel writes are complete; rows that an operator's trigger adds meanwhile are not.
        let is_complete = row.new.datum(c"search_vector").is_some();
        if chunk_rows::is_writing() && is_complete
            || trigger::restoring()?
            || !row.changes_any(&[c"content", c"section_title", c"heading_path"])?
        {
            return Ok(());
        }
        let caller = users::require_identity(row)?;
        if caller.is_some() {
            // import_from() keeps blank chunks that an application had before.
            row.need_text(&[c"content"])?;
            row.need_at_most(&[(c"content", MAX_CONTENT_BYTES)])?;
        }
        row.need_within(c"chunk_index", 0..=i32::MAX)?;
        row.need_within(c"start_offset", 0..=i32::MAX)?;
        row.need_within(c"end_offset", row.new.get(c"start_offset").unwrap_or(0)..=i32::MAX)?;
        row.need_within(c"size", 0..=i32::MAX)?;
        let document: Uuid = row.new.need(c"document_id")?;
        let content: String = row.new.need(c"content")?;
        match lock_parent(document)? {
            Some(parent) if parent.has_text && !parent.is_service => {
                Err(derived_chunks_error(document))
            }
            Some(parent) => complete(row, &parent, &content),
            None if caller.is_some() => Err(Error::not_found("document", document)),
            // A document that the running statement inserts is not visible. No policy lets an end user
            // refer to it; for others, the foreign key decides.
            None => Ok(()),
        }
    })
}

/// Document of a chunk.
struct ParentDocument {
    user_id: Uuid,
    language: String,
    has_text: bool,
    /// True if the caller is a service.
    is_service: bool,
}

/// Reads the document of a chunk as the caller, and locks it: no other transaction can add a text
/// between the check of the policy and the commit.
fn lock_parent(document: Uuid) -> Result<Option<ParentDocument>> {
    spi::as_caller(Access::Write, |db| {
        let parent = db.first(
            "select user_id, language, content_text is not null from carrel.documents
            where id = $1 for share",
            &[document.into()],
            |row| Ok((row.need(1)?, row.need(2)?, row.need(3)?)),
        )?;
        let is_service = access::is_service()?;
        Ok(parent.map(|(user_id, language, has_text)| ParentDocument {
            user_id,
            language,
            has_text,
            is_service,
        }))
    })
}

/// Error 42501: the chunks of a document with a text follow from the text.
fn derived_chunks_error(document: Uuid) -> Error {
    Error::new(
        SqlState::InsufficientPrivilege,
        format!("document {document} has a text, of which its chunks are made"),
    )
    .hint("Change the document's content_text; its chunks follow.")
}

/// Sets the derived columns of a chunk.
fn complete(row: &mut Change, parent: &ParentDocument, content: &str) -> Result<()> {
    let titles: Vec<String> = match row.new.get::<Vec<Option<String>>>(c"heading_path") {
        Some(path) if !path.is_empty() => path.into_iter().flatten().collect(),
        _ => row.new.get::<String>(c"section_title").into_iter().collect(),
    };
    let vector = spi::as_owner(Access::Read, |db| {
        db.silence_notices();
        let mut parser = Parser::for_language(db, &parent.language)?;
        parser.chunk_vector(&titles, content)
    })?;
    if row.new.get::<Uuid>(c"user_id").is_none() {
        row.set(c"user_id", parent.user_id);
    }
    if row.new.get::<i32>(c"size").is_none() {
        row.set(c"size", i32::try_from(content.chars().count()).unwrap_or(i32::MAX));
    }
    row.set(c"content_hash", Sha256::digest(content).to_vec());
    row.set(c"search_vector", TsVector::from_body(&vector));
    row.set(c"words", vectors::count_words(&vector)?);
    row.set(c"language", parent.language.as_str());
    row.set(c"title_words", None::<i32>);
    row.set(c"analyzer_version", VERSION as i32);
    // The embedding of the old content is dropped, unless the statement sets a new one.
    let has_embedding = row.old.is_some()
        && row.new.datum(c"embedding").is_some()
        && row.new.has_check(c"document_chunks_embedding_check");
    if has_embedding && row.changes(c"content")? && !row.changes(c"embedding")? {
        row.set(c"embedding", None::<i32>);
    }
    Ok(())
}
