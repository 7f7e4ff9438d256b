//! Documents: a text that is written is cut into chunks and parsed in the same transaction.
//!
//! Two triggers share the work, because INSERT … RETURNING must say what came of it, and because
//! chunks can refer to a document only once its row is there. The BEFORE trigger parses the text,
//! once, and sets the row's status and vector; what it made is kept in [`processed`] for the AFTER
//! trigger, which writes the chunks.

mod chunk_rows;
mod chunk_text;
mod columns;
pub mod embeddings;
mod handover;
mod leases;
mod lexicon;
mod pipeline;
mod prepared_chunks;
mod reprocess;
mod settings;
mod vectors;

use crate::access;
use crate::identity;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::owner;
use crate::pg::roles;
use crate::pg::spi::{self, Access, Db};
use crate::pg::toast;
use crate::pg::trigger::{self, Change, Returned, TriggerRow};
use crate::pg::values::{Jsonb, TsVector};
use crate::users;
use carrel_core::chunking::Format;
pub use chunk_text::encoding_named;
use columns::Columns;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
pub use pipeline::filename_vector;
use pipeline::{Outcome, Processed, Source};
pub use reprocess::vector_of_chunks;
use sha2::{Digest, Sha256};
use std::ffi::CStr;
use std::hash::{Hash, Hasher};
pub use vectors::{Names, Parser, malformed};

/// Registers the settings of documents.
pub fn register_settings() {
    settings::register();
}

/// Adds a document of the caller's, and returns its id. A null text comes later: the document is
/// pending until then.
#[pg_extern(volatile, parallel_unsafe)]
fn add_document(
    filename: Option<&str>,
    content_text: Option<&str>,
    file_type: default!(Option<&str>, "null"),
    metadata: default!(Option<Jsonb>, "'{}'"),
    storage_path: default!(Option<&str>, "null"),
    language: default!(Option<&str>, "'english'"),
) -> Uuid {
    guard(|| {
        identity::require()?;
        let Some(filename) = filename else {
            return Err(Error::new(SqlState::InvalidParameterValue, "filename must not be null"));
        };
        spi::as_caller(Access::Write, |db| {
            db.value(
                "insert into carrel.documents (filename, content_text, file_type, metadata, storage_path, language)
                values ($1, $2, $3, coalesce($4, '{}'), $5, coalesce($6, 'english')) returning id",
                &[
                    filename.into(),
                    content_text.into(),
                    file_type.into(),
                    metadata.into(),
                    storage_path.into(),
                    language.into(),
                ],
            )
        })
    })
}

/// Bytes at most of what is listed with documents, and given to workers many at once.
const MOST: [(&CStr, usize); 4] =
    [(c"filename", 4096), (c"file_type", 1000), (c"storage_path", 4096), (c"metadata", 1 << 20)];

/// Values of `processing_status`.
const STATUSES: [&str; 4] = ["pending", "processing", "completed", "failed"];

/// BEFORE INSERT OR UPDATE of documents: parses the text and sets status and vector. Refuses rows of nobody (28000)
/// and of users without a profile (P0002), blank names, the content of binary files and the like (22023), and what is
/// too large (54000).
#[pg_trigger]
fn process_document_row<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        if trigger::restoring()? {
            return Ok(());
        }
        users::require_owner(row)?;
        row.need_text(&[c"filename", c"storage_path"])?;
        row.need_at_most(&MOST)?;
        row.need_object(&[c"metadata"])?;
        row.need_one_of(c"processing_status", &STATUSES)?;
        row.need_within(c"file_size", 0..=i64::MAX)?;
        row.need_no_binary(c"content_text")?;
        let is_new = is_to_be_processed(row)?;
        if !is_new && !row.changes(c"filename")? {
            return Ok(());
        }
        let (user_id, id): (Uuid, Uuid) = (row.new.need(c"user_id")?, row.new.need(c"id")?);
        let role = roles::current();
        spi::as_owner(Access::Write, |db| {
            // As carrel's owner, an import writes what another database let its users choose.
            if role != owner::known() && row.changes(c"language")? {
                Parser::require_usable(db, &row.new.need::<String>(c"language")?, role)?;
            }
            if is_new {
                process_row(db, row, user_id, id)
            } else {
                rename_row(db, row, user_id, id)
            }
        })
    })
}

/// AFTER INSERT OR UPDATE of documents: makes the chunks those of the row as it was written, whatever
/// other triggers did to it. What the BEFORE trigger made is used where it is of this row; where it
/// is not, or was forgotten, the row is processed again.
#[pg_trigger]
fn write_document_chunks<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::after_row(trigger, |row| {
        if trigger::restoring()? || !is_to_be_processed(row)? {
            return Ok(());
        }
        let id: Uuid = row.new.need(c"id")?;
        let processed = handover::take(id);
        let was_processed = processed.is_some();
        let user_id: Uuid = row.new.need(c"user_id")?;
        let pieces = match processed {
            Some(processed) if processed.row == fingerprint(row, user_id)? => {
                Some(processed.pieces)
            }
            _ => None,
        };
        let status: String = row.new.need(c"processing_status")?;
        let has_text = row.new.datum(c"content_text").is_some();
        let had_text = row.old.is_some_and(|old| old.datum(c"content_text").is_some());
        spi::as_owner(Access::Write, |db| {
            // Deleted or changed since, in RETURNING or by another trigger.
            if !row.new.is_current(db)? {
                return reprocess::follow(db, id);
            }
            match (pieces, has_text) {
                (_, true) if status == "failed" || status == "pending" => {
                    chunk_rows::delete(db, user_id, id)
                }
                (Some(pieces), true) => {
                    let language: String = row.new.need(c"language")?;
                    chunk_rows::write(db, user_id, id, &language, &pieces)
                }
                (None, true) => reprocess::process(db, id, None),
                // A trigger took the text away after it was processed.
                (_, false) if was_processed => reprocess::process(db, id, None),
                (_, false) if had_text => chunk_rows::delete(db, user_id, id),
                // Chunks of a document without a text are a client's.
                (_, false) => Ok(()),
            }
        })
    })
}

/// BEFORE INSERT OR UPDATE of document_chunks: completes what a client writes.
#[pg_trigger]
fn prepare_chunk<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        // carrel's own are complete; a trigger on them may write others, which are not.
        let is_complete = row.new.datum(c"search_vector").is_some();
        if chunk_rows::is_deriving() && is_complete
            || trigger::restoring()?
            || !row.changes_any(&[c"content", c"section_title", c"heading_path"])?
        {
            return Ok(());
        }
        let caller = users::require_identity(row)?;
        if caller.is_some() {
            // Chunks that an application had before may be empty: import_from() keeps them.
            row.need_text(&[c"content"])?;
        }
        row.need_within(c"chunk_index", 0..=i32::MAX)?;
        row.need_within(c"start_offset", 0..=i32::MAX)?;
        row.need_within(c"end_offset", row.new.get(c"start_offset").unwrap_or(0)..=i32::MAX)?;
        row.need_within(c"size", 0..=i32::MAX)?;
        let document: Uuid = row.new.need(c"document_id")?;
        let content: String = row.new.need(c"content")?;
        let titles: Vec<String> = match row.new.get::<Vec<Option<String>>>(c"heading_path") {
            Some(path) if !path.is_empty() => path.into_iter().flatten().collect(),
            _ => row.new.get::<String>(c"section_title").into_iter().collect(),
        };
        // Locked, so that its text can't come between the policy's look at it and the commit.
        let (found, is_service) = spi::as_caller(Access::Write, |db| {
            let found = db.first(
                "select user_id, language, content_text is not null from carrel.documents
                where id = $1 for share",
                &[document.into()],
                |row| Ok((row.need::<Uuid>(1)?, row.need::<String>(2)?, row.need::<bool>(3)?)),
            )?;
            Ok((found, access::is_service()?))
        })?;
        let Some((user_id, language, has_text)) = found else {
            // One that the running statement inserts is not seen; no policy lets an end user refer to it, and for
            // others the foreign key decides.
            return if caller.is_some() {
                Err(Error::not_found("document", document))
            } else {
                Ok(())
            };
        };
        if has_text && !is_service {
            return Err(Error::new(
                SqlState::InsufficientPrivilege,
                format!("document {document} has a text, of which its chunks are made"),
            )
            .hint("Change the document's content_text; its chunks follow."));
        }
        let vector = spi::as_owner(Access::Read, |db| {
            db.silence_notices();
            let mut parser = Parser::for_language(db, &language)?;
            parser.chunk(&titles, &content)
        })?;
        if row.new.get::<Uuid>(c"user_id").is_none() {
            row.set(c"user_id", user_id);
        }
        if row.new.get::<i32>(c"size").is_none() {
            row.set(c"size", i32::try_from(content.chars().count()).unwrap_or(i32::MAX));
        }
        row.set(c"content_hash", Sha256::digest(&content).to_vec());
        row.set(c"search_vector", TsVector::from_body(&vector));
        row.set(c"words", vectors::words(&vector)?);
        row.set(c"language", language);
        row.set(c"title_words", None::<i32>);
        // What another content meant; unless its embedding came with it.
        let has_embedding = row.old.is_some()
            && row.new.datum(c"embedding").is_some()
            && row.new.has_check(c"document_chunks_embedding_check");
        if has_embedding && row.changes(c"content")? && !row.changes(c"embedding")? {
            row.set(c"embedding", None::<i32>);
        }
        Ok(())
    })
}

/// A row whose text, or what decides how it is read, is new.
fn process_row(db: &Db, row: &mut Change, user_id: Uuid, id: Uuid) -> Result<()> {
    let new = row.new;
    let columns = Columns::read(&new)?;
    follow_file_size(row);
    db.silence_notices();
    let mut parser = Parser::for_language(db, &columns.language)?;
    let filename_only = pipeline::filename_vector(&mut parser, &columns.filename)?;
    let text = row.new.get::<&str>(c"content_text");
    row.compress(c"content_text")?;
    let (status, error, vector, words) = if text.is_none() {
        // A row that comes without a text says itself how it fares; one that loses it is pending.
        let lost = row.old.is_some() && row.changes(c"content_text")?;
        (lost.then_some("pending"), None, filename_only, None)
    } else if settings::is_deferred() {
        (Some("pending"), None, filename_only, None)
    } else {
        let source = Source {
            user_id,
            document_id: id,
            filename: &columns.filename,
            text: text.unwrap_or_default(),
            options: settings::chunking(columns.format())?,
        };
        // Vectors of another language are of no use, and a client wrote its chunks when it liked; what
        // another user's row with this id has must not even cost time.
        let reusable = row.old.is_some_and(|old| {
            old.get::<Uuid>(c"user_id") == Some(user_id)
                && old.datum(c"content_text").is_some()
                && old.get::<String>(c"language").as_ref() == Some(&columns.language)
        });
        match source.process(db, parser, reusable)? {
            Outcome::Completed(Processed { pieces, vector, words }) => {
                handover::keep(id, fingerprint(row, user_id)?, pieces);
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

/// A hash of all that a row's document is processed from, the settings included. Another trigger may
/// change the row between carrel's two.
fn fingerprint(row: &Change, user_id: Uuid) -> Result<u64> {
    let columns = Columns::read(&row.new)?;
    let mut hasher = ahash::AHasher::default();
    (user_id.as_bytes(), &columns.filename, &columns.language).hash(&mut hasher);
    format!("{:?}", settings::chunking(columns.format())?).hash(&mut hasher);
    row.hash(c"content_text", &mut hasher)?;
    Ok(hasher.finish())
}

/// A row of which only the name is new: the chunks stay as they are.
fn rename_row(db: &Db, row: &mut Change, user_id: Uuid, id: Uuid) -> Result<()> {
    db.silence_notices();
    let filename: String = row.new.need(c"filename")?;
    let mut parser = Parser::for_language(db, &row.new.need::<String>(c"language")?)?;
    let vector = if row.new.datum(c"content_text").is_some() {
        pipeline::renamed_vector(db, &mut parser, &filename, user_id, id)?
    } else {
        pipeline::filename_vector(&mut parser, &filename)?
    };
    row.set(c"search_vector", TsVector::from_body(&vector));
    Ok(())
}

/// Whether a row's text, or what decides how it is read, is new.
fn is_to_be_processed(row: &Change) -> Result<bool> {
    let Some(old) = row.old else { return Ok(true) };
    let format = |row: &TriggerRow| -> Result<_> {
        let file_type: Option<String> = row.get(c"file_type");
        Ok(Format::of_file(file_type.as_deref(), &row.need::<String>(c"filename")?))
    };
    Ok(row.changes_any(&[c"content_text", c"language"])? || format(&old)? != format(&row.new)?)
}

/// file_size is the text's, unless a client says that of the original file.
fn follow_file_size(row: &mut Change) {
    let given: Option<i64> = row.new.get(c"file_size");
    let now = size_of_text(&row.new);
    let before = row.old.as_ref().and_then(size_of_text);
    let follows = given.is_none() || (row.old.is_some() && given == before);
    if follows && now != given {
        row.set(c"file_size", now);
    }
}

/// The bytes of content_text, without reading it.
fn size_of_text(row: &TriggerRow) -> Option<i64> {
    const COLUMN: &CStr = c"content_text";
    let size = toast::raw_size(row.datum(COLUMN)?);
    Some(size as i64 - pg_sys::VARHDRSZ as i64)
}
