//! From a document's text to its chunks and vectors.

use super::prepared_chunks::{self, Key, Piece, Pieces};
use super::vectors::{self, Parser};
use crate::pg::error::{Error, Result, SqlState, check_for_interrupts};
use crate::pg::spi::{self, Db};
use carrel_core::chunking::{self, Chunk, Format, Options};
use carrel_core::tsvector::{Assembler, Weight};
use pgrx::datum::Uuid;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// How much room chunks may take, as a multiple of the text's bytes: plans limit what texts take.
const MOST_TIMES: usize = 32;
/// Room that short texts have beyond that, in bytes.
const SPARE: usize = 1 << 20;
/// About what a chunk takes beside its content, titles and vector, in bytes.
const ROW: usize = 256;

/// What a document's chunks and vectors are made from.
pub struct Source<'a> {
    pub user_id: Uuid,
    pub document_id: Uuid,
    pub filename: &'a str,
    pub text: &'a str,
    /// How the text is cut.
    pub options: Options,
}

/// What came of processing a text.
pub enum Outcome {
    Completed(Processed),
    Failed(String),
}

/// What is made of a document.
pub struct Processed {
    pub pieces: Pieces,
    /// The document's vector.
    pub vector: Vec<u8>,
    /// The words of its chunks together.
    pub words: i64,
}

/// The chunks that a document has, by what they were made from. Their vectors are good for chunks
/// that are the same: parsing is by far the dearest step.
type Known = HashMap<Key, Uuid>;

impl Source<'_> {
    /// Cuts and parses the text. An error of the content is a failed outcome; any other is passed on.
    /// If the document's chunks are in the same language, those that it keeps need not be parsed again.
    pub fn process(&self, db: &Db, parser: Parser, is_same_language: bool) -> Result<Outcome> {
        let known = if is_same_language { self.known(db)? } else { Known::new() };
        // A word too long to be indexed is a NOTICE each time.
        db.silence_notices();
        match spi::subtransaction(|| self.cut(db, parser, &known)) {
            Ok(processed) => Ok(Outcome::Completed(processed)),
            Err(error) if error.is_of_content() => Ok(Outcome::Failed(error.message())),
            Err(error) => Err(error),
        }
    }

    fn cut(&self, db: &Db, mut parser: Parser, known: &Known) -> Result<Processed> {
        let mut whole = Assembler::new();
        append_filename(&mut parser, &mut whole, self.filename)?;
        let mut pieces = Pieces::new();
        let (mut words, mut is_first) = (0, true);
        let mut room = self.text.len().saturating_mul(MOST_TIMES).saturating_add(SPARE);
        for chunk in chunking::chunks(self.text, &self.options, check_for_interrupts) {
            let mut piece = piece(chunk)?;
            if is_first && self.options.format() == Format::Plain {
                piece.title_words = parser.lead(&piece.content)?;
            }
            is_first = false;
            let there = match known.get(&piece.key()) {
                Some(id) => vector_of(db, *id)?,
                None => None,
            };
            (piece.vector, piece.is_new) = match there {
                Some(vector) => (vector, false),
                None => (parser.chunk(&piece.heading_path, &piece.content)?, true),
            };
            room = room.checked_sub(ROW + piece.size_in_bytes()).ok_or_else(|| {
                Error::new(
                    SqlState::ProgramLimitExceeded,
                    format!(
                        "the chunks would take more than {MOST_TIMES} times the room of the text"
                    ),
                )
                .hint(
                    "Have larger chunks, or less overlap: carrel.chunk_size, carrel.chunk_overlap.",
                )
            })?;
            vectors::add(&mut whole, &piece.vector, None)?;
            words += i64::from(vectors::words(&piece.vector)?);
            pieces.push(&piece)?;
        }
        Ok(Processed { pieces, vector: whole.finish(), words })
    }

    fn known(&self, db: &Db) -> Result<Known> {
        let rows = db.rows(
            include_str!("../../sql/documents/reusable_vectors.sql"),
            &[self.user_id.into(), self.document_id.into()],
            |row| Ok((row.key(1, 2)?, row.need::<Uuid>(3)?)),
        )?;
        Ok(rows.into_iter().collect())
    }
}

fn piece(chunk: Chunk<'_>) -> Result<Piece<'_>> {
    Ok(Piece {
        content_hash: Sha256::digest(&*chunk.content).into(),
        start: offset(chunk.start)?,
        end: offset(chunk.end)?,
        size: offset(chunk.size)?,
        heading_path: chunk.heading_path.to_vec(),
        content: chunk.content,
        title_words: 0,
        vector: Vec::new(),
        is_new: true,
    })
}

fn vector_of(db: &Db, chunk: Uuid) -> Result<Option<Vec<u8>>> {
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

/// The vector of a document of which only the name is there to be found.
pub fn filename_vector(parser: &mut Parser, filename: &str) -> Result<Vec<u8>> {
    let mut assembler = Assembler::new();
    append_filename(parser, &mut assembler, filename)?;
    Ok(assembler.finish())
}

/// Appends a file name (weight A), as it is and in its words: Postgres reads `annual-report.md` as
/// one token, but people look for `report`.
fn append_filename(parser: &mut Parser, assembler: &mut Assembler, filename: &str) -> Result<()> {
    parser.append(assembler, filename, Some(Weight::A))?;
    let words = filename.replace(|c: char| !c.is_alphanumeric(), " ");
    if words != filename {
        parser.append(assembler, &words, Some(Weight::A))?;
    }
    Ok(())
}

/// The vector of a document from its name and its chunks, as they are.
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
        |row| vectors::add(&mut assembler, &row.need_vector(1)?, None),
    )?;
    Ok(assembler.finish())
}

impl spi::Row {
    /// The key of a stored chunk, from the columns of its content's hash and its heading path.
    pub fn key(&self, content_hash: i32, heading_path: i32) -> Result<Key> {
        let hash: Vec<u8> = self.get(content_hash).unwrap_or_default();
        let path: Vec<Option<String>> = self.need(heading_path)?;
        let path: Vec<String> = path.into_iter().flatten().collect();
        Ok(prepared_chunks::key(&hash, &path))
    }
}

/// A number as a column of type integer has it.
pub fn offset(value: usize) -> Result<i32> {
    i32::try_from(value).map_err(|_| {
        Error::new(SqlState::InvalidParameterValue, format!("offset {value} is too large"))
    })
}
