//! enable_embeddings(): the column of embeddings, its index and its comments.
//!
//! The column and its constraint show that embeddings are enabled and of which type. A dump
//! therefore carries everything.

use super::tables::{index_fault, lock_tables, relation_exists};
use crate::access;
use crate::definitions::{EMBEDDINGS, NamedSql, index_comments, indexes, normalized, statements};
use crate::documents::embeddings::{EmbeddingType, MAX_DIMENSIONS};
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::spi::{Access, Db};
use pgrx::prelude::*;

/// Adds a column for embeddings of `dimensions` numbers (1 to 4000) to the chunks, and a vector
/// index.
///
/// Above 2000 dimensions, embeddings are stored in half precision. If embeddings are enabled with
/// these dimensions, restores a missing constraint or index. Requires pgvector 0.8 or newer.
/// Callable by superusers. Errors: 22023 (dimensions out of range), 55000 (pgvector missing or too
/// old, other dimensions or another column "embedding" in place).
#[pg_extern(volatile, parallel_unsafe)]
fn enable_embeddings(dimensions: Option<i32>) {
    guard(|| {
        access::as_administrator("enable_embeddings", Access::Write, |db| {
            let dimensions = dimensions.unwrap_or_default();
            if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
                return Err(Error::new(
                    SqlState::InvalidParameterValue,
                    format!("dimensions must be from 1 to {MAX_DIMENSIONS}: {dimensions}"),
                )
                .hint("It is the length of what your model gives for a text."));
            }
            access::lock_definitions()?;
            let wanted = EmbeddingType::new(pgvector(db)?, dimensions);
            if EmbeddingType::find(db)?.is_none() {
                lock_tables(db, ["document_chunks"].into_iter())?;
            }
            match EmbeddingType::of_column(db)? {
                None => add(db, &wanted)?,
                Some(found) if found == wanted => {}
                Some(found) => {
                    return Err(Error::new(
                        SqlState::ObjectNotInPrerequisiteState,
                        format!(
                            "embeddings here are {}({}), not {}({dimensions})",
                            found.type_name, found.dimensions, wanted.type_name
                        ),
                    )
                    .hint("To lose them all: alter table carrel.document_chunks drop column embedding; then call it again."));
                }
            }
            if EmbeddingType::find(db)?.is_none() {
                for constraint in statements(EMBEDDINGS).filter(|sql| sql.starts_with("alter ")) {
                    db.script(&wanted.fill(constraint))?;
                }
            }
            restore(db)
        })
    })
}

/// Returns the schema of pgvector, quoted for SQL. Fails with 55000 if pgvector is missing or older
/// than 0.8.
fn pgvector(db: &Db) -> Result<String> {
    let found = db.first(
        "select quote_ident(nspname), extversion,
            string_to_array(substring(extversion from '^[0-9]+(?:[.][0-9]+)*'), '.')::integer[] >= array[0, 8]
        from pg_extension join pg_namespace as n on n.oid = extnamespace where extname = 'vector'",
        &[],
        |row| Ok((row.need::<String>(1)?, row.need::<String>(2)?, row.need::<bool>(3)?)),
    )?;
    match found {
        Some((schema, _, true)) => Ok(schema),
        Some((_, version, false)) => Err(Error::new(
            SqlState::ObjectNotInPrerequisiteState,
            format!("embeddings need pgvector 0.8 or newer, and this is {version}"),
        )
        .hint("Install a newer one; then: alter extension vector update")),
        None => Err(Error::new(
            SqlState::ObjectNotInPrerequisiteState,
            "embeddings need pgvector, which this database has not",
        )
        .hint("Install it (https://github.com/pgvector/pgvector); then: create extension vector")),
    }
}

fn add(db: &Db, kind: &EmbeddingType) -> Result<()> {
    let other: Option<String> = db.first(
        "select format_type(atttypid, atttypmod) from pg_attribute
        where attrelid = 'carrel.document_chunks'::regclass and attname = 'embedding' and not attisdropped",
        &[],
        |row| row.need(1),
    )?;
    if let Some(other) = other {
        return Err(Error::new(
            SqlState::ObjectNotInPrerequisiteState,
            format!(
                "column embedding of table carrel.document_chunks is of type {other}, where carrel needs {}({})",
                kind.type_name, kind.dimensions
            ),
        )
        .hint("Rename the column, or alter its type; then call it again."));
    }
    // Storage "main" keeps search_vector in the row as long as possible, since BM25 ranking reads
    // it: TOAST takes the embedding first.
    db.script(&kind.fill(&format!(
        "alter table carrel.document_chunks add column embedding :schema.:type({}),
        alter column search_vector set storage main",
        kind.dimensions
    )))
}

/// Restores missing indexes and comments of the column, if embeddings are enabled. Part of
/// migrate().
pub fn restore(db: &Db) -> Result<()> {
    let Some(kind) = EmbeddingType::find(db)? else { return Ok(()) };
    for NamedSql { name, definition } in indexes(EMBEDDINGS) {
        if !relation_exists(db, name, "i")? {
            db.script(&kind.fill(definition))?;
        }
    }
    for comment in statements(EMBEDDINGS).filter(|sql| sql.starts_with("comment ")) {
        db.script(comment)?;
    }
    for comment in index_comments(EMBEDDINGS) {
        db.script(&comment)?;
    }
    Ok(())
}

/// Lists indexes of the column that are missing or different. Part of doctor().
pub fn faults(db: &Db) -> Result<Vec<String>> {
    let Some(kind) = EmbeddingType::find(db)? else { return Ok(Vec::new()) };
    let mut problems = Vec::new();
    for NamedSql { name, definition } in indexes(EMBEDDINGS) {
        problems.extend(index_fault(db, name, &normalized(&kind.fill(definition)))?);
    }
    Ok(problems)
}
