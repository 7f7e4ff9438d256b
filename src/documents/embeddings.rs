//! Embeddings of chunks, where pgvector is installed and enable_embeddings() was called: given to
//! workers to make, and stored as they come.

use crate::access;
use crate::pg::error::{Error, Result, SqlState, check_for_interrupts, guard};
use crate::pg::spi::{self, Access, Db};
use crate::pg::values::Jsonb;
use pgrx::datum::{Interval, Uuid};
use pgrx::prelude::*;
use std::cell::RefCell;
use std::collections::HashMap;

/// What an index of vectors takes; beyond, they are stored as halfvec.
const MAX_OF_VECTOR: i32 = 2_000;
/// A number of an embedding has fewer bytes, in JSON, blanks included.
const MAX_NUMBER: usize = 512;
/// What an index of halfvecs takes.
pub const MAX_DIMENSIONS: i32 = 4_000;

/// How embeddings are stored: what column document_chunks.embedding is.
#[derive(Clone, PartialEq)]
pub struct Kind {
    /// The schema of pgvector, as SQL spells it.
    pub schema: String,
    /// vector or halfvec.
    pub type_name: String,
    pub dimensions: i32,
}

impl Kind {
    /// For so many dimensions, with pgvector in this schema.
    pub fn of(schema: String, dimensions: i32) -> Self {
        let type_name = if dimensions > MAX_OF_VECTOR { "halfvec" } else { "vector" };
        Self { schema, type_name: type_name.to_owned(), dimensions }
    }

    /// That of the column, where enable_embeddings() was called: the constraint tells, and a dump
    /// carries it.
    pub fn find(db: &Db) -> Result<Option<Self>> {
        let is_enabled =
            db.value::<bool>(include_str!("../../sql/documents/has_embeddings.sql"), &[])?;
        if is_enabled { Self::of_column(db) } else { Ok(None) }
    }

    /// That of a column of this name; None where there is none, or one of another type.
    pub fn of_column(db: &Db) -> Result<Option<Self>> {
        db.first(include_str!("../../sql/documents/embedding_column.sql"), &[], |row| {
            let (schema, type_name) = (row.need(1)?, row.need(2)?);
            Ok(Self { schema, type_name, dimensions: row.need(3)? })
        })
    }

    fn need(db: &Db) -> Result<Self> {
        Self::find(db)?.ok_or_else(not_enabled)
    }

    /// A statement with `:schema` and `:type` in it, made once for a backend.
    pub fn sql(&self, statement: &'static str) -> &'static str {
        type Made = HashMap<(&'static str, String, String), &'static str>;
        thread_local! {
            static MADE: RefCell<Made> = RefCell::default();
        }
        let key = (statement, self.schema.clone(), self.type_name.clone());
        MADE.with_borrow_mut(|made| *made.entry(key).or_insert_with(|| self.fill(statement).leak()))
    }

    /// A text with this schema and type, and the function that tells how long an embedding is, in the
    /// places of `:schema`, `:type` and `:norm`.
    pub fn fill(&self, text: &str) -> String {
        let norm = if self.type_name == "vector" { "vector_norm" } else { "l2_norm" };
        text.replace(":type", &self.type_name)
            .replace(":norm", norm)
            .replace(":schema", &self.schema)
    }

    /// Refuses what is no embedding of this kind: it has to be an array, in JSON, of as many numbers,
    /// of a length that its direction can be told of. [`Self::fill`]'s constraint says the same.
    pub fn check(&self, name: &str, embedding: &str) -> Result<()> {
        let refused = |what: String| {
            Error::new(SqlState::InvalidParameterValue, format!("{name} {what}")).hint(format!(
                "An embedding here is an array of {} numbers: [0.1, -0.2, …]",
                self.dimensions
            ))
        };
        let dimensions = embedding.bytes().filter(|byte| *byte == b',').count() + 1;
        let is_too_long = embedding.len() > MAX_NUMBER * (self.dimensions as usize + 1);
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
        // As they are stored, in four bytes or two.
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

/// That there are no embeddings in this database. Services learn who enables them; end users, what works without.
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

/// Chunks of all users that have no embedding yet, oldest first, at most so many, for a worker to
/// embed: until the lease lapses, after 30 days at most, no other worker is given them. Blank ones are
/// left alone. Without embeddings: 55000.
#[pg_extern(volatile, parallel_unsafe)]
fn chunks_to_embed(
    max_rows: Option<i32>,
    lease: default!(Option<Interval>, "'5 minutes'"),
) -> TableIterator<'static, (name!(chunk_id, Uuid), name!(content, String))> {
    const LEASE: &str = include_str!("../../sql/documents/lease_chunks.sql");
    let rows = guard(|| {
        access::require_service("chunks_to_embed")?;
        let max_rows = max_rows.filter(|rows| *rows >= 0).ok_or_else(|| {
            let given = max_rows.map_or("null".to_owned(), |rows| rows.to_string());
            Error::new(SqlState::InvalidParameterValue, format!("max_rows must be from 0: {given}"))
        })?;
        spi::as_owner(Access::Write, |db| {
            Kind::need(db)?;
            let is_lease = db.value::<bool>(
                "select coalesce($1 > '0' and $1 <= '30 days', false)",
                &[lease.into()],
            )?;
            if !is_lease {
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
            // What another worker leased between this statement's snapshot and its locks comes
            // without a lease; then there may be more.
            loop {
                let found: Vec<(Uuid, String, bool)> = db.read_by_index(|| {
                    db.rows(LEASE, &[max_rows.into(), lease.into()], |row| {
                        Ok((row.need(1)?, row.need(2)?, row.need(3)?))
                    })
                })?;
                let is_done = found.is_empty() || found.iter().any(|(.., is_leased)| *is_leased);
                if is_done {
                    let leased = found.into_iter().filter(|(.., is_leased)| *is_leased);
                    return Ok(leased.map(|(id, content, _)| (id, content)).collect::<Vec<_>>());
                }
                check_for_interrupts();
            }
        })
    });
    TableIterator::new(rows)
}

/// Stores embeddings, and returns how many: an array of {"chunk_id": …, "embedding": […]}, or an object
/// of embeddings by chunk_id. Passed over are those of chunks that are gone, that somebody is changing,
/// or of which the content has changed since it was leased, as long as the lease is there. What is no
/// embedding: 22023; without embeddings: 55000.
#[pg_extern(volatile, parallel_unsafe)]
fn set_embeddings(embeddings: Option<Jsonb>) -> i32 {
    const STORE: &str = include_str!("../../sql/documents/set_embeddings.sql");
    guard(|| {
        access::require_service("set_embeddings")?;
        spi::as_owner(Access::Write, |db| {
            let kind = Kind::need(db)?;
            let mut last = HashMap::new();
            for (chunk, embedding) in given(db, embeddings)? {
                check_for_interrupts();
                kind.check(&format!("the embedding of chunk {chunk}"), &embedding)?;
                last.insert(*chunk.as_bytes(), embedding);
            }
            let (ids, texts): (Vec<Uuid>, Vec<String>) =
                last.into_iter().map(|(id, text)| (Uuid::from_bytes(id), text)).unzip();
            let stored = db.execute(kind.sql(STORE), &[ids.into(), texts.into()])?;
            Ok(i32::try_from(stored).unwrap_or(i32::MAX))
        })
    })
}

/// Chunks and embeddings, as they were given.
fn given(db: &Db, embeddings: Option<Jsonb>) -> Result<Vec<(Uuid, String)>> {
    let refused = |what: String| {
        Error::new(SqlState::InvalidParameterValue, what).hint(
            r#"Give [{"chunk_id": "…", "embedding": [0.1, …]}, …], or {"chunk_id": [0.1, …], …}"#,
        )
    };
    let kind: Option<String> =
        db.first("select jsonb_typeof($1)", &[embeddings.into()], |row| Ok(row.get(1)))?.flatten();
    let entries = match kind.as_deref() {
        Some("array") => {
            "select value ->> 'chunk_id', value ->> 'embedding'
            from jsonb_array_elements($1)"
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
