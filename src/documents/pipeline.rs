//! Processing of a document: from its text to prepared chunks and search vectors.

use super::prepared_chunks::{self, ChunkKey, PreparedChunk, PreparedChunks};
use super::vectors::{self, Parser};
use crate::pg::error::{Error, Result, SqlState, check_for_interrupts};
use crate::pg::spi::{self, Db};
use carrel_core::chunking::{self, Chunk, Format, Options};
use carrel_core::text::VERSION;
use carrel_core::tsvector::{Assembler, Weight};
use pgrx::datum::Uuid;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// Maximum size of the chunks, as a multiple of the text's bytes. Plans limit the size of texts, so
/// chunks must not be much larger.
const MAX_GROWTH: usize = 32;
/// Bytes that chunks may take beyond that, for short texts.
const SPARE_BYTES: usize = 1 << 20;
/// Estimated bytes of a chunk's row without its content, headings and vector.
const ROW_BYTES: usize = 256;

/// Document to process.
pub struct DocumentSource<'a> {
    pub user_id: Uuid,
    pub document_id: Uuid,
    pub filename: &'a str,
    pub text: &'a str,
    /// Chunking options.
    pub options: Options,
}

/// Outcome of processing: a result, or the reason why the text cannot be processed.
pub enum Outcome {
    Completed(ProcessedDocument),
    Failed(String),
}

/// Result of processing a document.
pub struct ProcessedDocument {
    pub chunks: PreparedChunks,
    /// Search vector of the document.
    pub vector: Vec<u8>,
    /// Number of words in all chunks.
    pub words: i64,
}

/// Stored chunks of a document, by key. Equal chunks reuse their vectors: parsing is by far the most
/// expensive step.
type ReusableVectors = HashMap<ChunkKey, Uuid>;

impl DocumentSource<'_> {
    /// Cuts and parses the text. An error in the content gives [`Outcome::Failed`].
    ///
    /// With `is_same_language`, vectors of stored chunks are reused: these chunks have to be in the
    /// language of the parser.
    pub fn process(&self, db: &Db, parser: Parser, is_same_language: bool) -> Result<Outcome> {
        let reusable =
            if is_same_language { self.reusable_vectors(db)? } else { ReusableVectors::new() };
        // Postgres sends a NOTICE for each word that is too long to index.
        db.silence_notices();
        match spi::subtransaction(|| self.prepare(db, parser, &reusable)) {
            Ok(processed) => Ok(Outcome::Completed(processed)),
            Err(error) if error.is_of_content() => Ok(Outcome::Failed(error.message())),
            Err(error) => Err(error),
        }
    }

    fn prepare(
        &self,
        db: &Db,
        mut parser: Parser,
        reusable: &ReusableVectors,
    ) -> Result<ProcessedDocument> {
        let mut document_vector = Assembler::new();
        append_filename(&mut parser, &mut document_vector, self.filename)?;
        let mut chunks = PreparedChunks::new();
        let (mut words, mut is_first) = (0, true);
        let mut budget = self.text.len().saturating_mul(MAX_GROWTH).saturating_add(SPARE_BYTES);
        for chunk in chunking::chunks(self.text, &self.options, check_for_interrupts) {
            let mut chunk = without_vector(chunk)?;
            if is_first && self.options.format() == Format::Plain {
                chunk.title_words = parser.count_title_words(&chunk.content)?;
            }
            is_first = false;
            let stored = match reusable.get(&chunk.key()) {
                Some(id) => stored_vector(db, *id)?,
                None => None,
            };
            (chunk.vector, chunk.is_parsed) = match stored {
                Some(vector) => (vector, false),
                None => (parser.chunk_vector(&chunk.heading_path, &chunk.content)?, true),
            };
            let size = ROW_BYTES + chunk.size_in_bytes();
            budget = budget.checked_sub(size).ok_or_else(chunks_too_large)?;
            vectors::append_vector(&mut document_vector, &chunk.vector, None)?;
            words += i64::from(vectors::count_words(&chunk.vector)?);
            chunks.push(&chunk)?;
        }
        Ok(ProcessedDocument { chunks, vector: document_vector.finish(), words })
    }

    fn reusable_vectors(&self, db: &Db) -> Result<ReusableVectors> {
        let rows = db.rows(
            include_str!("../../sql/documents/reusable_vectors.sql"),
            &[self.user_id.into(), self.document_id.into(), (VERSION as i32).into()],
            |row| Ok((row.chunk_key(1, 2)?, row.need::<Uuid>(3)?)),
        )?;
        Ok(rows.into_iter().collect())
    }
}

/// Error 54000: the chunks exceed their budget.
fn chunks_too_large() -> Error {
    Error::new(
        SqlState::ProgramLimitExceeded,
        format!("the chunks would take more than {MAX_GROWTH} times the room of the text"),
    )
    .hint("Have larger chunks, or less overlap: carrel.chunk_size, carrel.chunk_overlap.")
}

/// Prepares a chunk, except for its vector and title words.
fn without_vector(chunk: Chunk<'_>) -> Result<PreparedChunk<'_>> {
    Ok(PreparedChunk {
        content_hash: Sha256::digest(&*chunk.content).into(),
        start: offset(chunk.start)?,
        end: offset(chunk.end)?,
        size: offset(chunk.size)?,
        heading_path: chunk.heading_path.to_vec(),
        content: chunk.content,
        title_words: 0,
        vector: Vec::new(),
        is_parsed: true,
    })
}

/// Reads the search vector of a stored chunk.
fn stored_vector(db: &Db, chunk: Uuid) -> Result<Option<Vec<u8>>> {
    let mut vector = None;
    db.rows(
        "select search_vector from carrel.document_chunks where id = $1 and search_vector is not null",
        &[chunk.into()],
        |row| {
            vector = Some(row.need_vector(1)?);
            Ok(())
        },
    )?;
    Ok(vector)
}

/// Parses the search vector of a document that can be found only by its file name.
pub fn filename_vector(parser: &mut Parser, filename: &str) -> Result<Vec<u8>> {
    let mut assembler = Assembler::new();
    append_filename(parser, &mut assembler, filename)?;
    Ok(assembler.finish())
}

/// Appends a file name (weight A), and its words if it consists of several: Postgres parses
/// `annual-report.md` as one token, but people search for `report`.
fn append_filename(parser: &mut Parser, assembler: &mut Assembler, filename: &str) -> Result<()> {
    parser.append(assembler, filename, Some(Weight::A))?;
    let words = filename.replace(|c: char| !c.is_alphanumeric(), " ");
    if words != filename {
        parser.append(assembler, &words, Some(Weight::A))?;
    }
    Ok(())
}

/// Assembles the search vector of a document from its name and its stored chunks.
pub fn renamed_vector(
    db: &Db,
    parser: &mut Parser,
    filename: &str,
    user_id: Uuid,
    document_id: Uuid,
) -> Result<Vec<u8>> {
    let mut assembler = Assembler::new();
    append_filename(parser, &mut assembler, filename)?;
    db.rows(
        "select search_vector from carrel.document_chunks
        where user_id = $1 and document_id = $2 and search_vector is not null order by chunk_index",
        &[user_id.into(), document_id.into()],
        |row| vectors::append_vector(&mut assembler, &row.need_vector(1)?, None),
    )?;
    Ok(assembler.finish())
}

impl spi::Row {
    /// Key of a stored chunk, from its columns content_hash and heading_path.
    pub fn chunk_key(&self, content_hash: i32, heading_path: i32) -> Result<ChunkKey> {
        let hash: Vec<u8> = self.get(content_hash).unwrap_or_default();
        let path: Vec<Option<String>> = self.need(heading_path)?;
        let path: Vec<String> = path.into_iter().flatten().collect();
        Ok(prepared_chunks::chunk_key(&hash, &path))
    }
}

/// Converts an offset or a size to a column of type integer. Fails with 22023 if it is too large.
pub fn offset(value: usize) -> Result<i32> {
    i32::try_from(value).map_err(|_| {
        Error::new(SqlState::InvalidParameterValue, format!("offset {value} is too large"))
    })
}
