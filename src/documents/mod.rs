//! Documents: a text that is written is cut into chunks and parsed in the same transaction.
//!
//! - [`triggers`]: process a document as it is written; [`chunk_trigger`]: complete chunks of clients
//! - [`pipeline`]: from a text to prepared chunks; [`vectors`] and [`lexicon`]: parsing
//! - [`prepared_chunks`], [`handover`]: chunks on their way from one trigger to the other
//! - [`chunk_rows`]: writes chunks
//! - [`reprocess`]: pending documents, and documents to cut again; [`renewal`]: outdated vectors
//! - [`chunk_text`], [`analyze_text`]: any text
//! - [`leases`]: documents whose text a worker extracts; [`embeddings`]: embeddings of chunks
//! - [`language`]: given or detected; [`columns`], [`settings`]

mod analyze_text;
mod chunk_rows;
mod chunk_text;
mod chunk_trigger;
mod columns;
pub mod embeddings;
mod handover;
mod language;
mod leases;
mod lexicon;
mod pipeline;
mod prepared_chunks;
mod renewal;
mod reprocess;
mod settings;
mod triggers;
mod vectors;

use crate::identity;
use crate::pg::error::{Error, SqlState, guard};
use crate::pg::spi::{self, Access};
use crate::pg::values::Jsonb;
pub use chunk_text::encoding_named;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
pub use pipeline::filename_vector;
pub use renewal::count_outdated as count_outdated_chunks;
pub use reprocess::vector_of_chunks;
pub use vectors::{Parser, malformed, title_words_of};

/// Registers the settings of documents.
pub fn register_settings() {
    settings::register();
}

/// Adds a document of the caller. Returns its id.
///
/// A null text may follow later; until then, the document is pending. `language` is the name of a text
/// search configuration; null or `auto` detect it, by default it is that of carrel.language. Callable by users, and by
/// services that act as a user. Errors: 28000 (no identity), P0002 (no profile), 22023 (invalid
/// argument, unknown language), 54000 (too large), PT402 (beyond a hard limit).
#[pg_extern(volatile, parallel_unsafe, requires = [language::default_language])]
fn add_document(
    filename: Option<&str>,
    content_text: Option<&str>,
    file_type: default!(Option<&str>, "null"),
    metadata: default!(Option<Jsonb>, "'{}'"),
    storage_path: default!(Option<&str>, "null"),
    language: default!(Option<&str>, "carrel.default_language()"),
) -> Uuid {
    guard(|| {
        identity::require()?;
        let Some(filename) = filename else {
            return Err(Error::new(SqlState::InvalidParameterValue, "filename must not be null"));
        };
        spi::as_caller(Access::Write, |db| {
            db.value(
                "insert into carrel.documents (filename, content_text, file_type, metadata, storage_path, language)
                values ($1, $2, $3, coalesce($4, '{}'), $5, $6) returning id",
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
