//! Triggers that process a document as it is written.
//!
//! Two triggers share the work. INSERT … RETURNING has to return the status, so the BEFORE trigger
//! parses the text, and sets status and vector of the row. Chunks can refer to a document only once
//! its row exists, so the AFTER trigger writes them. [`handover`] keeps the prepared chunks in between.

use super::columns::DocumentColumns;
use super::pipeline::{self, DocumentSource, Outcome, ProcessedDocument};
use super::{Parser, chunk_rows, handover, language, reprocess, settings};
use crate::pg::error::Result;
use crate::pg::owner;
use crate::pg::roles;
use crate::pg::spi::{self, Access, Db};
use crate::pg::toast;
use crate::pg::trigger::{self, Change, Returned, TriggerRow};
use crate::pg::values::TsVector;
use crate::users;
use carrel_core::chunking::Format;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::ffi::CStr;
use std::hash::{Hash, Hasher};

/// Maximum bytes of columns that are listed with documents, and returned to workers many at once.
const MAX_BYTES: [(&CStr, usize); 4] =
    [(c"filename", 4096), (c"file_type", 1000), (c"storage_path", 4096), (c"metadata", 1 << 20)];

/// Values of `processing_status`.
const STATUSES: [&str; 4] = ["pending", "processing", "completed", "failed"];

/// Trigger BEFORE INSERT OR UPDATE of documents: checks the row, parses its text, and sets its status
/// and search vector.
///
/// Errors: 28000 (no identity), P0002 (no profile), 22023 (blank name, content of a binary file,
/// unknown language, metadata is no object), 54000 (too large).
#[pg_trigger]
fn process_document_row<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        if trigger::restoring()? {
            return Ok(());
        }
        users::require_owner(row)?;
        row.need_text(&[c"filename", c"storage_path"])?;
        row.need_at_most(&MAX_BYTES)?;
        row.need_object(&[c"metadata"])?;
        row.need_one_of(c"processing_status", &STATUSES)?;
        row.need_within(c"file_size", 0..=i64::MAX)?;
        row.need_no_binary(c"content_text")?;
        let needs_processing = needs_processing(row)?;
        let language = language::resolve(row)?;
        if !needs_processing && !row.changes(c"filename")? {
            return Ok(());
        }
        let (user_id, id): (Uuid, Uuid) = (row.new.need(c"user_id")?, row.new.need(c"id")?);
        let role = roles::current();
        spi::as_owner(Access::Write, |db| {
            // carrel's owner may write any language: an import copies languages of another database.
            if role != owner::known() && row.changes(c"language")? {
                Parser::require_usable(db, &language, role)?;
            }
            if needs_processing {
                process_row(db, row, user_id, id, language)
            } else {
                rename_row(db, row, user_id, id, &language)
            }
        })
    })
}

/// Trigger AFTER INSERT OR UPDATE of documents: writes the chunks of the row.
///
/// Uses the chunks that the trigger before has prepared. If another trigger has changed the row since,
/// it processes the row again.
#[pg_trigger]
fn write_document_chunks<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::after_row(trigger, |row| {
        if trigger::restoring()? || !needs_processing(row)? {
            return Ok(());
        }
        let id: Uuid = row.new.need(c"id")?;
        let handover = handover::take(id);
        let was_processed = handover.is_some();
        let user_id: Uuid = row.new.need(c"user_id")?;
        let prepared = match handover {
            Some(handover) if handover.row_hash == stored_row_hash(row, user_id)? => {
                Some(handover.chunks)
            }
            _ => None,
        };
        let status: String = row.new.need(c"processing_status")?;
        let has_text = row.new.datum(c"content_text").is_some();
        let had_text = row.old.is_some_and(|old| old.datum(c"content_text").is_some());
        spi::as_owner(Access::Write, |db| {
            // RETURNING or another trigger may have changed or deleted the row since.
            if !row.new.is_current(db)? {
                return reprocess::match_stored_row(db, id);
            }
            match (prepared, has_text) {
                (_, true) if status == "failed" || status == "pending" => {
                    chunk_rows::delete(db, user_id, id)
                }
                (Some(prepared), true) => {
                    let language: String = row.new.need(c"language")?;
                    chunk_rows::write(db, user_id, id, &language, &prepared)
                }
                (None, true) => reprocess::process(db, id, None),
                // A trigger removed the text after it was processed.
                (_, false) if was_processed => reprocess::process(db, id, None),
                (_, false) if had_text => chunk_rows::delete(db, user_id, id),
                // Chunks of a document without a text belong to the client.
                (_, false) => Ok(()),
            }
        })
    })
}

/// Processes a row whose text, language or format is new.
fn process_row(db: &Db, row: &mut Change, user_id: Uuid, id: Uuid, language: String) -> Result<()> {
    let columns = DocumentColumns::read(&row.new, language)?;
    update_file_size(row);
    db.silence_notices();
    let mut parser = Parser::for_language(db, &columns.language)?;
    let filename_only = pipeline::filename_vector(&mut parser, &columns.filename)?;
    let text = row.new.get::<&str>(c"content_text");
    row.compress(c"content_text")?;
    let (status, error, vector, words) = if text.is_none() {
        // The client sets the status of a document without a text. One that loses its text is pending.
        let is_removed = row.old.is_some() && row.changes(c"content_text")?;
        (is_removed.then_some("pending"), None, filename_only, None)
    } else if settings::is_deferred() {
        (Some("pending"), None, filename_only, None)
    } else {
        let source = DocumentSource {
            user_id,
            document_id: id,
            filename: &columns.filename,
            text: text.unwrap_or_default(),
            options: settings::chunking_options(columns.format())?,
        };
        match source.process(db, parser, has_reusable_vectors(row, user_id, &columns.language))? {
            Outcome::Completed(ProcessedDocument { chunks, vector, words }) => {
                handover::put(id, row_hash(row, user_id, &columns)?, chunks);
                (Some("completed"), None, vector, Some(words))
            }
            Outcome::Failed(reason) => (Some("failed"), Some(reason), filename_only, None),
        }
    };
    if let Some(status) = status {
        row.set(c"processing_status", status);
        row.set(c"processing_error", error);
    }
    row.set(c"search_vector", TsVector::from_body(&vector));
    row.set(c"words", words);
    Ok(())
}

/// True if stored chunks of a row may be reused.
///
/// Vectors of another language do not fit, and chunks of a document without a text are the client's.
/// Returns false for another user's row, so that timing does not reveal it.
fn has_reusable_vectors(row: &Change, user_id: Uuid, language: &str) -> bool {
    row.old.is_some_and(|old| {
        old.get::<Uuid>(c"user_id") == Some(user_id)
            && old.datum(c"content_text").is_some()
            && old.get::<String>(c"language").as_deref() == Some(language)
    })
}

/// Hashes the columns and settings that a row's chunks depend on. Another trigger may change the row
/// between the two triggers here.
fn row_hash(row: &Change, user_id: Uuid, columns: &DocumentColumns) -> Result<u64> {
    let mut hasher = ahash::AHasher::default();
    (user_id.as_bytes(), &columns.filename, &columns.language).hash(&mut hasher);
    format!("{:?}", settings::chunking_options(columns.format())?).hash(&mut hasher);
    row.hash(c"content_text", &mut hasher)?;
    Ok(hasher.finish())
}

/// Hash of a row as it was stored.
fn stored_row_hash(row: &Change, user_id: Uuid) -> Result<u64> {
    let columns = DocumentColumns::read(&row.new, row.new.need(c"language")?)?;
    row_hash(row, user_id, &columns)
}

/// Updates the vector of a row of which only the name is new. The chunks stay.
fn rename_row(db: &Db, row: &mut Change, user_id: Uuid, id: Uuid, language: &str) -> Result<()> {
    db.silence_notices();
    let filename: String = row.new.need(c"filename")?;
    let mut parser = Parser::for_language(db, language)?;
    let vector = if row.new.datum(c"content_text").is_some() {
        pipeline::renamed_vector(db, &mut parser, &filename, user_id, id)?
    } else {
        pipeline::filename_vector(&mut parser, &filename)?
    };
    row.set(c"search_vector", TsVector::from_body(&vector));
    Ok(())
}

/// True if a row's text, language or format is new.
fn needs_processing(row: &Change) -> Result<bool> {
    let Some(old) = row.old else { return Ok(true) };
    let format = |row: &TriggerRow| -> Result<_> {
        let file_type: Option<String> = row.get(c"file_type");
        Ok(Format::of_file(file_type.as_deref(), &row.need::<String>(c"filename")?))
    };
    Ok(row.changes_any(&[c"content_text", c"language"])? || format(&old)? != format(&row.new)?)
}

/// Sets file_size to the size of the text, unless a client has set it to the size of the original
/// file.
fn update_file_size(row: &mut Change) {
    let given: Option<i64> = row.new.get(c"file_size");
    let now = size_of_text(&row.new);
    let before = row.old.as_ref().and_then(size_of_text);
    let follows_text = given.is_none() || (row.old.is_some() && given == before);
    if follows_text && now != given {
        row.set(c"file_size", now);
    }
}

/// Size of content_text in bytes, without detoasting it.
fn size_of_text(row: &TriggerRow) -> Option<i64> {
    const COLUMN: &CStr = c"content_text";
    let size = toast::raw_size(row.datum(COLUMN)?);
    Some(size as i64 - pg_sys::VARHDRSZ as i64)
}
