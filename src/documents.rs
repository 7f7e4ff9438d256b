//! Documents: a text that is written is cut into chunks and parsed in the same transaction.
//!
//! Two triggers share the work, because INSERT … RETURNING must say what came of it, and because
//! chunks can refer to a document only once its row is there. The BEFORE trigger parses the text,
//! once, and sets the row's status and vector; what it made waits in [`waiting`] for the AFTER
//! trigger, which writes the chunks.

mod chunk_text;
mod processing;
mod vectors;
mod waiting;

use crate::datums::{Jsonb, TsVector};
use crate::error::{Error, Result, SqlState, guard};
use crate::identity;
use crate::spi::{self, Access, Db};
use crate::trigger::{self, Change, Returned, Row};
use pgrx::datum::Uuid;
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};
use pgrx::prelude::*;
use processing::{Outcome, Source};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::ffi::CStr;
pub use vectors::Parser;
use waiting::Waiting;

/// When documents are processed.
#[derive(Clone, Copy, PartialEq, PostgresGucEnum)]
enum Processing {
    #[name = c"inline"]
    Inline,
    #[name = c"deferred"]
    Deferred,
}

static PROCESSING: GucSetting<Processing> = GucSetting::<Processing>::new(Processing::Inline);

/// Registers `carrel.processing`.
pub fn register_settings() {
    GucRegistry::define_enum_guc(
        c"carrel.processing",
        c"When documents are processed: inline, as they are written, or deferred.",
        c"Deferred documents are pending until process_documents() takes them.",
        &PROCESSING,
        GucContext::Userset,
        GucFlags::default(),
    );
}

/// Obeys a cancel; called at least every 64 KiB of work.
fn tick() {
    pgrx::check_for_interrupts!();
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

/// Processes pending documents of all users, oldest first, at most this many; returns how many.
/// Side by side, workers take different ones.
#[pg_extern(volatile, parallel_unsafe)]
fn process_documents(max_documents: default!(Option<i32>, 100)) -> i32 {
    guard(|| {
        let max_documents = max_documents.filter(|max| *max >= 0).ok_or_else(|| {
            let given = max_documents.map_or("null".to_owned(), |max| max.to_string());
            Error::new(
                SqlState::InvalidParameterValue,
                format!("max_documents must be from 0: {given}"),
            )
        })?;
        spi::as_owner(Access::Write, |db| {
            let pending = db.rows(
                "select id from carrel.documents
                where processing_status = 'pending' and content_text is not null
                order by created_at, id limit $1 for update skip locked",
                &[max_documents.into()],
                |row| row.need::<Uuid>(1),
            )?;
            for id in &pending {
                process_stored(db, *id)?;
            }
            Ok(pending.len() as i32)
        })
    })
}

/// BEFORE INSERT OR UPDATE of documents: parses the text and sets status and vector.
#[pg_trigger]
fn process_document_row<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        if trigger::restoring() {
            return Ok(());
        }
        let text_changes = row.changes_any(&[c"content_text", c"language", c"file_type"])?;
        if !(text_changes || row.changes(c"filename")?) {
            return Ok(());
        }
        let user_id: Option<Uuid> = row.new.get(c"user_id");
        let id: Uuid = row.new.need(c"id")?;
        let Some(user_id) = user_id else {
            // No identity: the policy or the constraint refuses the row.
            return Ok(());
        };
        spi::as_owner(Access::Write, |db| {
            if text_changes || format_changes(row)? {
                process_row(db, row, user_id, id)
            } else {
                rename_row(db, row, user_id, id)
            }
        })
    })
}

/// AFTER INSERT OR UPDATE of documents: writes the chunks that the BEFORE trigger made. What another
/// BEFORE trigger changed in between, or what was too much to wait, is processed as it is stored.
#[pg_trigger]
fn write_document_chunks<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::after_row(trigger, |row| {
        let id: Uuid = row.new.need(c"id")?;
        let waiting = waiting::take(id);
        if waiting.is_none() && (trigger::restoring() || !row.changes(c"content_text")?) {
            return Ok(());
        }
        let user_id: Uuid = row.new.need(c"user_id")?;
        let columns = Columns::read(&row.new)?;
        let source = columns.source(user_id, id);
        spi::as_owner(Access::Write, |db| match waiting {
            Some(Waiting::Chunks(processed))
                if columns.text.is_some() && processed.is_of(&source) =>
            {
                source.write(db, processed)
            }
            Some(Waiting::NoChunks) => processing::delete_chunks(db, user_id, id),
            None if columns.text.is_none() || PROCESSING.get() == Processing::Deferred => Ok(()),
            _ => process_stored(db, id),
        })
    })
}

/// AFTER INSERT OR UPDATE of documents, for the statement: what still waits was for rows that were
/// not written after all.
#[pg_trigger]
fn forget_processed_documents<'a>(_trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::after_statement(|| {
        waiting::forget();
        Ok(())
    })
}

/// BEFORE INSERT OR UPDATE of document_chunks: completes what a client writes.
#[pg_trigger]
fn prepare_chunk<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        if processing::is_deriving()
            || trigger::restoring()
            || !row.changes_any(&[c"content", c"section_title", c"heading_path"])?
        {
            return Ok(());
        }
        let document: Uuid = row.new.need(c"document_id")?;
        let content: String = row.new.need(c"content")?;
        let titles = match row.new.get::<Vec<String>>(c"heading_path") {
            Some(path) if !path.is_empty() => path,
            _ => row.new.get::<String>(c"section_title").into_iter().collect(),
        };
        let found = spi::as_caller(Access::Read, |db| {
            db.first(
                "select user_id, language from carrel.documents where id = $1",
                &[document.into()],
                |row| Ok((row.need::<Uuid>(1)?, row.need::<String>(2)?)),
            )
        })?;
        // Where the caller sees no such document, the policy or the foreign key refuses the row.
        let Some((user_id, language)) = found else { return Ok(()) };
        let vector = spi::as_owner(Access::Read, |db| {
            db.silence_notices();
            let mut parser = Parser::for_language(db, &language)?;
            processing::chunk_vector(&mut parser, &titles, &content)
        })?;
        if row.new.get::<Uuid>(c"user_id").is_none() {
            row.set(c"user_id", user_id);
        }
        if row.new.get::<i32>(c"size").is_none() {
            row.set(c"size", i32::try_from(content.chars().count()).unwrap_or(i32::MAX));
        }
        row.set(c"content_hash", Sha256::digest(&content).to_vec());
        row.set(c"search_vector", TsVector::from_body(&vector));
        Ok(())
    })
}

/// The columns that a document is processed from.
struct Columns<'a> {
    filename: String,
    file_type: Option<String>,
    language: String,
    text: Option<Cow<'a, str>>,
}

impl<'a> Columns<'a> {
    /// Those of a trigger's row. The text is not copied: the row outlives the trigger's call.
    fn read(row: &'a Row) -> Result<Self> {
        Ok(Self {
            filename: row.need(c"filename")?,
            file_type: row.get(c"file_type"),
            language: row.need(c"language")?,
            text: row.get::<&'a str>(c"content_text").map(Cow::Borrowed),
        })
    }

    fn source(&self, user_id: Uuid, document_id: Uuid) -> Source<'_> {
        Source {
            user_id,
            document_id,
            filename: &self.filename,
            file_type: self.file_type.as_deref(),
            language: &self.language,
            text: self.text.as_deref().unwrap_or_default(),
        }
    }
}

/// A row whose text, or what decides how it is read, is new.
fn process_row(db: &Db, row: &mut Change, user_id: Uuid, id: Uuid) -> Result<()> {
    let new = row.new;
    let columns = Columns::read(&new)?;
    follow_file_size(row);
    db.silence_notices();
    let mut parser = Parser::for_language(db, &columns.language)?;
    let named_only = |parser: &mut Parser| processing::filename_vector(parser, &columns.filename);
    if columns.text.is_none() {
        // Its chunks, if any, are a client's. A row that loses its text is pending, without any.
        let vector = named_only(&mut parser)?;
        row.set(c"search_vector", TsVector::from_body(&vector));
        if row.old.is_some() && row.changes(c"content_text")? {
            row.set(c"processing_status", "pending");
            row.set(c"processing_error", None::<String>);
            waiting::put(id, Waiting::NoChunks);
        }
        return Ok(());
    }
    let filename_only = named_only(&mut parser)?;
    let (status, error, vector, waiting) = if PROCESSING.get() == Processing::Deferred {
        ("pending", None, filename_only, Waiting::NoChunks)
    } else {
        let source = columns.source(user_id, id);
        // What another user's row with this id has must not even cost time.
        let is_own = row.old.is_some_and(|old| old.get::<Uuid>(c"user_id") == Some(user_id));
        let outcome =
            if is_own { source.process_again(db, parser) } else { source.process(db, parser) };
        match outcome? {
            Outcome::Completed(mut processed) => {
                let vector = std::mem::take(&mut processed.vector);
                ("completed", None, vector, Waiting::Chunks(processed))
            }
            Outcome::Failed(reason) => ("failed", Some(reason), filename_only, Waiting::NoChunks),
        }
    };
    row.set(c"processing_status", status);
    row.set(c"processing_error", error);
    row.set(c"search_vector", TsVector::from_body(&vector));
    waiting::put(id, waiting);
    Ok(())
}

/// A row of which only the name is new: the chunks stay as they are.
fn rename_row(db: &Db, row: &mut Change, user_id: Uuid, id: Uuid) -> Result<()> {
    db.silence_notices();
    let filename: String = row.new.need(c"filename")?;
    let mut parser = Parser::for_language(db, &row.new.need::<String>(c"language")?)?;
    let vector = if row.new.datum(c"content_text").is_some() {
        processing::renamed_vector(db, &mut parser, &filename, user_id, id)?
    } else {
        processing::filename_vector(&mut parser, &filename)?
    };
    row.set(c"search_vector", TsVector::from_body(&vector));
    Ok(())
}

/// Processes a document as it is stored.
fn process_stored(db: &Db, id: Uuid) -> Result<()> {
    let found = db.first(
        "select user_id, filename, file_type, language, content_text
        from carrel.documents where id = $1",
        &[id.into()],
        |row| {
            let columns = Columns {
                filename: row.need(2)?,
                file_type: row.get(3),
                language: row.need(4)?,
                text: row.get::<String>(5).map(Cow::Owned),
            };
            Ok((row.need::<Uuid>(1)?, columns))
        },
    )?;
    let Some((user_id, columns)) = found else { return Ok(()) };
    let source = columns.source(user_id, id);
    let (status, error, vector, processed) = match Parser::find(db, &columns.language)? {
        // Dropped since the document was written.
        None => ("failed", Some(format!("unknown language \"{}\"", columns.language)), None, None),
        Some(mut parser) if columns.text.is_none() => {
            let vector = processing::filename_vector(&mut parser, &columns.filename)?;
            ("pending", None, Some(vector), None)
        }
        Some(parser) => match source.process_again(db, parser)? {
            Outcome::Completed(mut processed) => {
                let vector = std::mem::take(&mut processed.vector);
                ("completed", None, Some(vector), Some(processed))
            }
            Outcome::Failed(reason) => ("failed", Some(reason), None, None),
        },
    };
    db.execute(
        "update carrel.documents set
            processing_status = $2, processing_error = $3, search_vector = coalesce($4, search_vector)
        where id = $1",
        &[
            id.into(),
            status.into(),
            error.into(),
            vector.map(|vector| TsVector::from_body(&vector)).into(),
        ],
    )?;
    match processed {
        Some(processed) => source.write(db, processed),
        None => processing::delete_chunks(db, user_id, id),
    }
}

/// Whether a new name makes it another kind of text.
fn format_changes(row: &Change) -> Result<bool> {
    let Some(old) = row.old else { return Ok(true) };
    let format = |row: &Row| -> Result<_> {
        let file_type: Option<String> = row.get(c"file_type");
        Ok(processing::format_of(file_type.as_deref(), &row.need::<String>(c"filename")?))
    };
    Ok(format(&old)? != format(&row.new)?)
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
fn size_of_text(row: &Row) -> Option<i64> {
    const COLUMN: &CStr = c"content_text";
    // SAFETY: a varlena, the size of which its header or its toast pointer tells.
    let size = unsafe { pg_sys::toast_raw_datum_size(row.datum(COLUMN)?) };
    Some(size as i64 - pg_sys::VARHDRSZ as i64)
}
