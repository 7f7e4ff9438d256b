//! Embeddings of chunks, if pgvector is installed and enable_embeddings() was called.
//!
//! Workers lease chunks without an embedding, compute embeddings, and store them.

use crate::access;
use crate::pg::error::{Error, Result, SqlState, check_for_interrupts, guard};
use crate::pg::spi::{self, Access, Db};
use crate::pg::values::Jsonb;
use pgrx::datum::{Interval, Uuid};
use pgrx::prelude::*;
use std::cell::RefCell;
use std::collections::HashMap;

/// Maximum dimensions of an index on type vector; larger embeddings are stored as halfvec.
const MAX_VECTOR_DIMENSIONS: i32 = 2_000;
/// Maximum dimensions of an index on type halfvec.
pub const MAX_DIMENSIONS: i32 = 4_000;
/// Upper bound of the bytes of one number of an embedding in JSON, with blanks.
const MAX_NUMBER_BYTES: usize = 512;

/// Type of the column document_chunks.embedding.
#[derive(Clone, PartialEq)]
pub struct EmbeddingType {
    /// Schema of pgvector, quoted for SQL.
    pub schema: String,
    /// `vector` or `halfvec`.
    pub type_name: String,
    pub dimensions: i32,
}

impl EmbeddingType {
    /// Type for a number of dimensions, with pgvector in this schema.
    pub fn new(schema: String, dimensions: i32) -> Self {
        let type_name = if dimensions > MAX_VECTOR_DIMENSIONS { "halfvec" } else { "vector" };
        Self { schema, type_name: type_name.to_owned(), dimensions }
    }

    /// Reads the type of the column. None if embeddings are not enabled.
    pub fn find(db: &Db) -> Result<Option<Self>> {
        let has_embeddings = include_str!("../../sql/documents/has_embeddings.sql");
        if db.value::<bool>(has_embeddings, &[])? { Self::of_column(db) } else { Ok(None) }
    }

    /// Reads the type of the column `embedding`. None if there is no such column, or if it is of
    /// another type.
    pub fn of_column(db: &Db) -> Result<Option<Self>> {
        db.first(include_str!("../../sql/documents/embedding_column.sql"), &[], |row| {
            let (schema, type_name) = (row.need(1)?, row.need(2)?);
            Ok(Self { schema, type_name, dimensions: row.need(3)? })
        })
    }

    /// Reads the type of the column. Fails with 55000 if embeddings are not enabled.
    fn need(db: &Db) -> Result<Self> {
        Self::find(db)?.ok_or_else(not_enabled)
    }

    /// Fills in a statement as [`Self::fill`] does, once per backend.
    pub fn sql(&self, statement: &'static str) -> &'static str {
        type Statements = HashMap<(&'static str, String, String), &'static str>;
        thread_local! {
            static FILLED: RefCell<Statements> = RefCell::default();
        }
        let key = (statement, self.schema.clone(), self.type_name.clone());
        FILLED.with_borrow_mut(|filled| {
            *filled.entry(key).or_insert_with(|| self.fill(statement).leak())
        })
    }

    /// Replaces `:schema`, `:type` and `:norm` (pgvector's function for the length of an embedding).
    pub fn fill(&self, text: &str) -> String {
        let norm = if self.type_name == "vector" { "vector_norm" } else { "l2_norm" };
        text.replace(":type", &self.type_name)
            .replace(":norm", norm)
            .replace(":schema", &self.schema)
    }

    /// Checks an embedding: a JSON array of as many numbers as the column has dimensions, whose
    /// length is large enough to have a direction. Fails with 22023.
    ///
    /// The constraint document_chunks_embedding_check demands the same length.
    pub fn check(&self, name: &str, embedding: &str) -> Result<()> {
        let refused = |what: String| {
            Error::new(SqlState::InvalidParameterValue, format!("{name} {what}")).hint(format!(
                "An embedding here is an array of {} numbers: [0.1, -0.2, …]",
                self.dimensions
            ))
        };
        let dimensions = embedding.bytes().filter(|byte| *byte == b',').count() + 1;
        let is_too_long = embedding.len() > MAX_NUMBER_BYTES * (self.dimensions as usize + 1);
        if is_too_long || dimensions > self.dimensions as usize {
            return Err(refused(format!(
                "has {dimensions} dimensions in {} bytes, where there are {}",
                embedding.len(),
                self.dimensions
            )));
        }
        let numbers: Vec<f64> = serde_json::from_str(embedding)
            .map_err(|_| refused("is not an array of numbers".to_owned()))?;
        if numbers.len() != self.dimensions as usize {
            return Err(refused(format!(
                "has {} dimensions, where there are {}",
                numbers.len(),
                self.dimensions
            )));
        }
        // pgvector stores numbers in four bytes (vector) or two (halfvec): smaller ones become zero.
        let numbers = || numbers.iter().map(|number| f64::from(*number as f32));
        let (least, most) =
            if self.type_name == "halfvec" { (6e-8, 65_504.0) } else { (0.0, 1e15) };
        let stored = numbers().filter(|number| number.abs() >= least);
        let length = stored.fold(0.0, |sum, number| sum + number * number).sqrt();
        let is_small = numbers().all(|number| number.abs() <= most);
        if is_small && (1e-15..=1e15).contains(&length) {
            return Ok(());
        }
        Err(refused(format!("is of length {length:e}, or has a number beyond {most:e}")))
    }
}

/// Error 55000: embeddings are not enabled in this database. The HINT depends on the caller.
pub fn not_enabled() -> Error {
    let error =
        Error::new(SqlState::ObjectNotInPrerequisiteState, "this database has no embeddings");
    match access::is_session_of_service() {
        Ok(true) => {
            error.hint("A superuser enables them: select carrel.enable_embeddings(dimensions)")
        }
        Ok(false) => error.hint("Leave query_embedding out to search by words."),
        Err(other) => other,
    }
}

/// Leases up to `max_rows` chunks without an embedding to a worker, oldest first, and returns them.
///
/// Chunks of all users are returned, except blank ones. No other worker gets a chunk until its lease
/// expires (at most 30 days). The call waits for no lock. Callable by services. Errors: 55000
/// (embeddings are not enabled), 22023 (invalid argument).
#[pg_extern(volatile, parallel_unsafe)]
fn chunks_to_embed(
    max_rows: Option<i32>,
    lease: default!(Option<Interval>, "'5 minutes'"),
) -> TableIterator<'static, (name!(chunk_id, Uuid), name!(content, String))> {
    let rows = guard(|| {
        access::require_service("chunks_to_embed")?;
        let max_rows = max_rows.filter(|rows| *rows >= 0).ok_or_else(|| {
            let given = max_rows.map_or("null".to_owned(), |rows| rows.to_string());
            Error::new(SqlState::InvalidParameterValue, format!("max_rows must be from 0: {given}"))
        })?;
        spi::as_owner(Access::Write, |db| {
            EmbeddingType::need(db)?;
            let is_valid = db.value::<bool>(
                "select coalesce($1 > '0' and $1 <= '30 days', false)",
                &[lease.into()],
            )?;
            if !is_valid {
                return Err(Error::new(
                    SqlState::InvalidParameterValue,
                    "lease must be longer than nothing, and at most 30 days",
                )
                .hint("Say how long a worker may take: interval '5 minutes'"));
            }
            db.execute(
                include_str!("../../sql/documents/delete_expired_embedding_leases.sql"),
                &[],
            )?;
            lease_chunks(db, max_rows, lease)
        })
    });
    TableIterator::new(rows)
}

/// Leases chunks. Returns their ids and contents.
///
/// Another worker may lease chunks between the statement's snapshot and its row locks. If it took
/// all of them, the statement runs again: there may be more.
fn lease_chunks(db: &Db, max_rows: i32, lease: Option<Interval>) -> Result<Vec<(Uuid, String)>> {
    const LEASE: &str = include_str!("../../sql/documents/lease_chunks.sql");
    loop {
        let candidates: Vec<(Uuid, String, bool)> = db.read_by_index(|| {
            db.rows(LEASE, &[max_rows.into(), lease.into()], |row| {
                Ok((row.need(1)?, row.need(2)?, row.need(3)?))
            })
        })?;
        let is_complete =
            candidates.is_empty() || candidates.iter().any(|(.., is_leased)| *is_leased);
        if is_complete {
            let leased = candidates.into_iter().filter(|(.., is_leased)| *is_leased);
            return Ok(leased.map(|(id, content, _)| (id, content)).collect());
        }
        check_for_interrupts();
    }
}

/// Stores embeddings of chunks, and returns the number of stored ones.
///
/// `embeddings` is an array of {"chunk_id": …, "embedding": […]}, or an object of embeddings by
/// chunk_id. Chunks that are gone or locked by another transaction are skipped, and chunks whose
/// content has changed since they were leased. Callable by services. Errors: 22023 (not an
/// embedding), 55000 (embeddings are not enabled).
#[pg_extern(volatile, parallel_unsafe)]
fn set_embeddings(embeddings: Option<Jsonb>) -> i32 {
    // Waits for no lock, so workers cannot deadlock. Skipped chunks are leased again later.
    const STORE: &str = include_str!("../../sql/documents/set_embeddings.sql");
    guard(|| {
        access::require_service("set_embeddings")?;
        spi::as_owner(Access::Write, |db| {
            let embedding_type = EmbeddingType::need(db)?;
            let mut by_chunk = HashMap::new();
            for (chunk, embedding) in parse_embeddings(db, embeddings)? {
                check_for_interrupts();
                embedding_type.check(&format!("the embedding of chunk {chunk}"), &embedding)?;
                by_chunk.insert(*chunk.as_bytes(), embedding);
            }
            let (ids, texts): (Vec<Uuid>, Vec<String>) =
                by_chunk.into_iter().map(|(id, text)| (Uuid::from_bytes(id), text)).unzip();
            let stored = db.execute(embedding_type.sql(STORE), &[ids.into(), texts.into()])?;
            Ok(i32::try_from(stored).unwrap_or(i32::MAX))
        })
    })
}

/// Reads ids of chunks and their embeddings from the argument of set_embeddings(). Fails with 22023.
fn parse_embeddings(db: &Db, embeddings: Option<Jsonb>) -> Result<Vec<(Uuid, String)>> {
    let refused = |what: String| {
        Error::new(SqlState::InvalidParameterValue, what).hint(
            r#"Give [{"chunk_id": "…", "embedding": [0.1, …]}, …], or {"chunk_id": [0.1, …], …}"#,
        )
    };
    let json_type: Option<String> =
        db.first("select jsonb_typeof($1)", &[embeddings.into()], |row| Ok(row.get(1)))?.flatten();
    let entries = match json_type.as_deref() {
        Some("array") => {
            "select value ->> 'chunk_id', value ->> 'embedding' from jsonb_array_elements($1)"
        }
        Some("object") => "select key, value from jsonb_each_text($1)",
        other => {
            let given = other.unwrap_or("null");
            return Err(refused(format!("embeddings must be an array or an object: {given}")));
        }
    };
    db.rows(entries, &[embeddings.into()], |row| {
        let (Some(id), Some(embedding)) = (row.get::<String>(1), row.get(2)) else {
            return Err(refused("an element of embeddings has no chunk_id or no embedding".into()));
        };
        let chunk = uuid::Uuid::parse_str(&id)
            .map_err(|_| refused(format!("chunk_id is not a uuid: \"{id}\"")))?;
        Ok((Uuid::from_bytes(*chunk.as_bytes()), embedding))
    })
}
