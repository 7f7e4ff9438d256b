//! Documents that are stored already: processing those that wait, and cutting one anew.

use super::chunk_text::{checked_options, encoding_named, unknown};
use super::columns::Columns;
use super::pipeline::{self, Outcome, Processed, Source};
use super::{Parser, chunk_rows, settings};
use crate::access;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::spi::{self, Access, Db};
use crate::pg::values::TsVector;
use crate::usage::only_of;
use carrel_core::chunking::{Format, Options, Unit};
use pgrx::datum::Uuid;
use pgrx::prelude::*;

/// Processes pending documents of all users, oldest first, at most this many; returns how many.
/// Side by side, workers take different ones.
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
        // Settings that contradict each other are no fault of the documents.
        settings::chunking(Format::Plain)?;
        spi::as_owner(Access::Write, |db| {
            let pending = db.rows(
                "select id from carrel.documents
                where processing_status = 'pending' and content_text is not null
                order by created_at, id limit $1 for update skip locked",
                &[max_documents.into()],
                |row| row.need::<Uuid>(1),
            )?;
            for id in &pending {
                // One that can't be processed must not keep the others waiting.
                match spi::subtransaction(|| process(db, *id, None)) {
                    Err(error) if !error.is_of_system() => fail(db, *id, &error.message())?,
                    outcome => outcome?,
                }
            }
            Ok(pending.len() as i32)
        })
    })
}

/// Cuts a document of the caller's, or, for a service, anybody's, again and returns how many chunks it has. What is null is as the
/// settings and the document's file type say. Chunks that stay the same keep their rows. The next
/// change of the text is cut as the settings say again.
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
            Some(unit) => Unit::named(unit, encoding).map_err(unknown)?,
            None => settings::chunk_unit(encoding),
        };
        let size = chunk_size.unwrap_or_else(settings::chunk_size);
        let overlap = chunk_overlap.unwrap_or_else(settings::chunk_overlap);
        let format: Option<Format> = format.map(str::parse).transpose().map_err(unknown)?;
        let cut = |of_file| checked_options(size, overlap, unit, format.unwrap_or(of_file));
        cut(Format::Plain)?;
        let lock = |db: &Db| {
            db.first(
                "select content_text is not null from carrel.documents where id = $1 for update",
                &[id.into()],
                |row| row.need::<bool>(1),
            )
        };
        // End users as themselves: policies say whose documents these are, and who may change them.
        let has_text = match only_of {
            Some(_) => spi::as_caller(Access::Write, lock)?,
            None => spi::as_owner(Access::Write, lock)?,
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
            process(db, id, Some(&cut))?;
            db.value(
                "select count(*)::integer from carrel.document_chunks as c
                join carrel.documents as d on d.user_id = c.user_id and d.id = c.document_id
                where d.id = $1",
                &[id.into()],
            )
        })
    })
}

/// The vector of a document from its name and its chunks, as they are, and how many words they have; none where
/// there are no chunks.
pub fn vector_of_chunks(db: &Db, id: Uuid) -> Result<(Vec<u8>, Option<i64>)> {
    let (user_id, filename, language, words) = db
        .first(include_str!("../../sql/documents/document_names.sql"), &[id.into()], |row| {
            Ok((row.need::<Uuid>(1)?, row.need::<String>(2)?, row.need::<String>(3)?, row.get(4)))
        })?
        .ok_or_else(|| Error::not_found("document", id))?;
    let mut parser = Parser::for_language(db, &language)?;
    Ok((pipeline::renamed_vector(db, &mut parser, &filename, user_id, id)?, words))
}

/// Stores that a document could not be processed, and why.
fn fail(db: &Db, id: Uuid, reason: &str) -> Result<()> {
    db.execute(
        "update carrel.documents set processing_status = 'failed', processing_error = $2 where id = $1",
        &[id.into(), reason.into()],
    )?;
    Ok(())
}

/// Makes the chunks of a document those of its row as it is now, whoever wrote that.
pub fn follow(db: &Db, id: Uuid) -> Result<()> {
    let found = db.first(
        "select user_id, processing_status from carrel.documents
        where id = $1 and content_text is not null",
        &[id.into()],
        |row| Ok((row.need::<Uuid>(1)?, row.need::<String>(2)?)),
    )?;
    match found {
        Some((_, status)) if status == "completed" => process(db, id, None),
        Some((user_id, _)) => chunk_rows::delete(db, user_id, id),
        None => Ok(()),
    }
}

/// How to cut a document of a format.
pub type Cut<'a> = &'a dyn Fn(Format) -> Result<Options>;

/// Processes a document as it is stored, cut as the settings say. Its chunks may be of an older text
/// and language; those that are cut in another way are of these.
pub fn process(db: &Db, id: Uuid, cut: Option<Cut>) -> Result<()> {
    let found = db.first(
        "select user_id, filename, file_type, language, content_text
        from carrel.documents where id = $1",
        &[id.into()],
        |row| {
            let columns =
                Columns { filename: row.need(2)?, file_type: row.get(3), language: row.need(4)? };
            Ok((row.need::<Uuid>(1)?, columns, row.get::<String>(5)))
        },
    )?;
    let Some((user_id, columns, text)) = found else { return Ok(()) };
    let options = match cut {
        Some(cut) => cut(columns.format())?,
        None => settings::chunking(columns.format())?,
    };
    let source = Source {
        user_id,
        document_id: id,
        filename: &columns.filename,
        text: text.as_deref().unwrap_or_default(),
        options,
    };
    let (status, error, vector, processed) = match Parser::find(db, &columns.language)? {
        // Dropped since the document was written.
        None => ("failed", Some(format!("unknown language \"{}\"", columns.language)), None, None),
        Some(mut parser) if text.is_none() => {
            let vector = pipeline::filename_vector(&mut parser, &columns.filename)?;
            ("pending", None, Some(vector), None)
        }
        Some(parser) => match source.process(db, parser, cut.is_some())? {
            Outcome::Completed(Processed { pieces, vector, words }) => {
                ("completed", None, Some(vector), Some((pieces, words)))
            }
            // Of a document that was fine as it was, nothing is lost.
            Outcome::Failed(reason) if cut.is_some() => {
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
        Some((pieces, _)) => chunk_rows::write(db, user_id, id, &columns.language, &pieces),
        None => chunk_rows::delete(db, user_id, id),
    }
}
