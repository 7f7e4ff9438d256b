//! Processing of stored documents: pending ones, and cutting one again with other options.

use super::chunk_text::{checked_options, encoding_named, unknown_name};
use super::columns::DocumentColumns;
use super::pipeline::{self, DocumentSource, Outcome, ProcessedDocument};
use super::{Parser, chunk_rows, renewal, settings};
use crate::access;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::spi::{self, Access, Db};
use crate::pg::values::TsVector;
use crate::usage::only_of;
use carrel_core::chunking::{Format, Options, Unit};
use pgrx::datum::Uuid;
use pgrx::prelude::*;

/// Processes up to `max_documents` pending documents of all users, oldest first. Returns their
/// number.
///
/// With fewer pending ones, it renews documents whose words an older version of carrel analyzed, and
/// counts these as well. Documents locked by other workers are skipped. A document that cannot be
/// processed becomes `failed`; one that cannot be renewed keeps what was analyzed. Callable by services.
/// Errors: 22023 (invalid argument, or settings that contradict each other).
#[pg_extern(volatile, parallel_unsafe)]
fn process_documents(max_documents: default!(Option<i32>, 100)) -> i32 {
    guard(|| {
        access::require_service("process_documents")?;
        let max_documents = max_documents.filter(|max| *max >= 0).ok_or_else(|| {
            let given = max_documents.map_or("null".to_owned(), |max| max.to_string());
            Error::new(
                SqlState::InvalidParameterValue,
                format!("max_documents must be from 0: {given}"),
            )
        })?;
        // Fails here if settings contradict each other: documents must not become `failed` for that.
        settings::chunking_options(Format::Plain)?;
        spi::as_owner(Access::Write, |db| {
            let pending = db.rows(
                "select id from carrel.documents
                where processing_status = 'pending' and content_text is not null
                order by created_at, id limit $1 for update skip locked",
                &[max_documents.into()],
                |row| row.need::<Uuid>(1),
            )?;
            for id in &pending {
                // One bad document must not block the others.
                match spi::subtransaction(|| process(db, *id, None)) {
                    Err(error) if !error.is_of_system() => set_failed(db, *id, &error.message())?,
                    outcome => outcome?,
                }
            }
            let outdated = renewal::lock_outdated(db, max_documents - pending.len() as i32)?;
            for id in &outdated {
                match spi::subtransaction(|| renewal::renew(db, *id)) {
                    Err(error) if !error.is_of_system() => renewal::keep(db, *id)?,
                    outcome => outcome?,
                }
            }
            Ok((pending.len() + outdated.len()) as i32)
        })
    })
}

/// Cuts a document into chunks again. Returns the number of chunks.
///
/// Null arguments stand for the settings and for the format of the file type. Unchanged chunks keep
/// their rows. The next change of the text uses the settings again. Callable by the user, and by
/// services for any document. Errors: PT404 (no such document), 55000 (the document has no text),
/// 22023 (invalid argument).
#[pg_extern(volatile, parallel_unsafe)]
fn rechunk_document(
    document_id: Option<Uuid>,
    chunk_size: default!(Option<i32>, "null"),
    chunk_overlap: default!(Option<i32>, "null"),
    unit: default!(Option<&str>, "null"),
    format: default!(Option<&str>, "null"),
    encoding: default!(Option<&str>, "'cl100k'"),
) -> i32 {
    guard(|| {
        let only_of = only_of()?;
        let id = document_id.ok_or_else(|| {
            Error::new(SqlState::InvalidParameterValue, "document_id must not be null")
        })?;
        let encoding = encoding_named(encoding)?;
        let unit = match unit {
            Some(unit) => Unit::named(unit, encoding).map_err(unknown_name)?,
            None => settings::chunk_unit(encoding),
        };
        let size = chunk_size.unwrap_or_else(settings::chunk_size);
        let overlap = chunk_overlap.unwrap_or_else(settings::chunk_overlap);
        let format: Option<Format> = format.map(str::parse).transpose().map_err(unknown_name)?;
        let options = |of_file| checked_options(size, overlap, unit, format.unwrap_or(of_file));
        options(Format::Plain)?;
        // End users lock as themselves: policies decide which documents they may change.
        let has_text = match only_of {
            Some(_) => spi::as_caller(Access::Write, |db| lock_document(db, id))?,
            None => spi::as_owner(Access::Write, |db| lock_document(db, id))?,
        };
        let has_text = has_text.ok_or_else(|| Error::not_found("document", id))?;
        if !has_text {
            return Err(Error::new(
                SqlState::ObjectNotInPrerequisiteState,
                format!("document {id} has no text to cut"),
            )
            .hint("Set its content_text; it is cut as it is written."));
        }
        spi::as_owner(Access::Write, |db| {
            process(db, id, Some(&options))?;
            db.value(
                "select count(*)::integer from carrel.document_chunks as c
                join carrel.documents as d on d.user_id = c.user_id and d.id = c.document_id
                where d.id = $1",
                &[id.into()],
            )
        })
    })
}

/// Locks a document's row. Returns true if it has a text; None: no such document.
fn lock_document(db: &Db, id: Uuid) -> Result<Option<bool>> {
    db.first(
        "select content_text is not null from carrel.documents where id = $1 for update",
        &[id.into()],
        |row| row.need::<bool>(1),
    )
}

/// Assembles the search vector of a document from its name and its stored chunks. Returns the number
/// of words as well; None if there are no chunks.
pub fn vector_of_chunks(db: &Db, id: Uuid) -> Result<(Vec<u8>, Option<i64>)> {
    let (user_id, filename, language, words) = db
        .first(include_str!("../../sql/documents/document_names.sql"), &[id.into()], |row| {
            let (filename, language) = (row.need::<String>(2)?, row.need::<String>(3)?);
            Ok((row.need::<Uuid>(1)?, filename, language, row.get(4)))
        })?
        .ok_or_else(|| Error::not_found("document", id))?;
    let mut parser = Parser::for_language(db, &language)?;
    Ok((pipeline::renamed_vector(db, &mut parser, &filename, user_id, id)?, words))
}

/// Stores that processing failed, with the reason.
fn set_failed(db: &Db, id: Uuid, reason: &str) -> Result<()> {
    db.execute(
        "update carrel.documents set processing_status = 'failed', processing_error = $2 where id = $1",
        &[id.into(), reason.into()],
    )?;
    Ok(())
}

/// Makes the chunks of a document match its row as it is stored, whichever statement wrote it.
pub fn match_stored_row(db: &Db, id: Uuid) -> Result<()> {
    let document = db.first(
        "select user_id, processing_status from carrel.documents
        where id = $1 and content_text is not null",
        &[id.into()],
        |row| Ok((row.need::<Uuid>(1)?, row.need::<String>(2)?)),
    )?;
    match document {
        Some((_, status)) if status == "completed" => process(db, id, None),
        Some((user_id, _)) => chunk_rows::delete(db, user_id, id),
        None => Ok(()),
    }
}

/// Function that gives the chunking options for a format.
pub type OptionsOf<'a> = &'a dyn Fn(Format) -> Result<Options>;

/// Processes a stored document with `options`; None: with those of the settings.
///
/// With `options`, stored chunks are of the stored text and language, so their vectors are reused,
/// and a text that cannot be processed is an error. Without, both may have changed, and the document
/// becomes `failed`.
pub fn process(db: &Db, id: Uuid, options: Option<OptionsOf>) -> Result<()> {
    let document = db.first(
        "select user_id, filename, file_type, language, content_text
        from carrel.documents where id = $1",
        &[id.into()],
        |row| {
            let (file_type, language) = (row.get(3), row.need(4)?);
            let columns = DocumentColumns { filename: row.need(2)?, file_type, language };
            Ok((row.need::<Uuid>(1)?, columns, row.get::<String>(5)))
        },
    )?;
    let Some((user_id, columns, text)) = document else { return Ok(()) };
    let source = DocumentSource {
        user_id,
        document_id: id,
        filename: &columns.filename,
        text: text.as_deref().unwrap_or_default(),
        options: match options {
            Some(options) => options(columns.format())?,
            None => settings::chunking_options(columns.format())?,
        },
    };
    let (status, error, vector, processed) = match Parser::find(db, &columns.language)? {
        // The configuration was dropped after the document was written.
        None => ("failed", Some(format!("unknown language \"{}\"", columns.language)), None, None),
        Some(mut parser) if text.is_none() => {
            let vector = pipeline::filename_vector(&mut parser, &columns.filename)?;
            ("pending", None, Some(vector), None)
        }
        Some(parser) => match source.process(db, parser, options.is_some())? {
            Outcome::Completed(ProcessedDocument { chunks, vector, words }) => {
                ("completed", None, Some(vector), Some((chunks, words)))
            }
            // The document stays as it was.
            Outcome::Failed(reason) if options.is_some() => {
                return Err(Error::new(SqlState::InvalidParameterValue, reason));
            }
            Outcome::Failed(reason) => ("failed", Some(reason), None, None),
        },
    };
    db.execute(
        include_str!("../../sql/documents/set_processed.sql"),
        &[
            id.into(),
            status.into(),
            error.into(),
            vector.map(|vector| TsVector::from_body(&vector)).into(),
            processed.as_ref().map(|(_, words)| *words).into(),
        ],
    )?;
    match processed {
        Some((chunks, _)) => chunk_rows::write(db, user_id, id, &columns.language, &chunks),
        None => chunk_rows::delete(db, user_id, id),
    }
}
