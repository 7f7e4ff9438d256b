//! From a document's text to its chunks and vectors.

use super::vectors::{self, Parser};
use crate::datums::TsVector;
use crate::error::{Error, Result, SqlState, check_for_interrupts};
use crate::rows::uuid_v7;
use crate::spi::{self, Arg, Db};
use carrel_core::chunking::{self, Format, Options, Unit};
use carrel_core::matching::matching;
use carrel_core::tsvector::{Assembler, Weight};
use pgrx::datum::Uuid;
use pgrx::memcxt::PgMemoryContexts;
use sha2::{Digest, Sha256};
use std::cell::Cell;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The size of chunks, in characters.
const CHUNK_SIZE: i32 = 1600;

/// What a document's chunks and vectors are made from.
pub struct Source<'a> {
    pub user_id: Uuid,
    pub document_id: Uuid,
    pub filename: &'a str,
    pub file_type: Option<&'a str>,
    pub language: &'a str,
    pub text: &'a str,
}

/// What came of processing a text.
pub enum Outcome {
    Completed(Processed),
    Failed(String),
}

/// The chunks of a text, without the text.
pub struct Processed {
    pieces: Vec<Piece>,
    fingerprint: u64,
    /// The document's vector.
    pub vector: Vec<u8>,
}

struct Piece {
    key: Key,
    byte_start: usize,
    byte_end: usize,
    start: i32,
    end: i32,
    size: i32,
    vector: Vec<u8>,
    /// Whether the vector was parsed, not taken from a chunk that is there.
    is_new: bool,
}

/// What makes a chunk the same chunk as before: its content, and the headings it is under.
#[derive(PartialEq, Eq, Hash, Clone)]
struct Key {
    hash: [u8; 32],
    heading_path: Vec<String>,
}

impl Source<'_> {
    /// Cuts and parses the text. An error of the content is a failed outcome; any other is passed on.
    pub fn process(&self, db: &Db, parser: Parser) -> Result<Outcome> {
        self.process_with(db, parser, HashMap::new())
    }

    /// The same for a document that is there already: chunks that it keeps are not parsed again.
    pub fn process_again(&self, db: &Db, parser: Parser) -> Result<Outcome> {
        self.process_with(db, parser, self.known_vectors(db)?)
    }

    fn process_with(
        &self,
        db: &Db,
        parser: Parser,
        known: HashMap<Key, Vec<u8>>,
    ) -> Result<Outcome> {
        // A word too long to be indexed is a NOTICE each time.
        db.silence_notices();
        match spi::subtransaction(|| self.cut(parser, known)) {
            Ok(processed) => Ok(Outcome::Completed(processed)),
            Err(error) if error.is_of_content() => Ok(Outcome::Failed(error.message())),
            Err(error) => Err(error),
        }
    }

    fn cut(&self, mut parser: Parser, known: HashMap<Key, Vec<u8>>) -> Result<Processed> {
        let options =
            Options::new(CHUNK_SIZE, 0, Unit::Characters, format_of(self.file_type, self.filename))
                .map_err(|error| Error::new(SqlState::InvalidParameterValue, error.to_string()))?;
        let mut whole = Assembler::new();
        append_filename(&mut parser, &mut whole, self.filename)?;
        let mut pieces = Vec::new();
        for chunk in chunking::chunks(self.text, &options, check_for_interrupts) {
            let key = Key {
                hash: Sha256::digest(&*chunk.content).into(),
                heading_path: chunk.heading_path.iter().map(|title| title.to_string()).collect(),
            };
            let (vector, is_new) = match known.get(&key) {
                Some(vector) => (vector.clone(), false),
                None => (chunk_vector(&mut parser, &key.heading_path, &chunk.content)?, true),
            };
            vectors::add(&mut whole, &vector, None)?;
            pieces.push(Piece {
                key,
                byte_start: chunk.byte_start,
                byte_end: chunk.byte_end,
                start: offset(chunk.start)?,
                end: offset(chunk.end)?,
                size: offset(chunk.size)?,
                vector,
                is_new,
            });
        }
        Ok(Processed { pieces, fingerprint: self.fingerprint(), vector: whole.finish() })
    }

    /// The vectors of the document's present chunks, by what they were made from: parsing is by far
    /// the dearest step. They must be of the same language.
    fn known_vectors(&self, db: &Db) -> Result<HashMap<Key, Vec<u8>>> {
        let rows = db.rows(
            "select c.content_hash, c.heading_path, c.search_vector
            from carrel.document_chunks as c
            where c.user_id = $1 and c.document_id = $2 and c.content_hash is not null
                and c.search_vector is not null
                and c.section_title is not distinct from c.heading_path[cardinality(c.heading_path)]",
            &[self.user_id.into(), self.document_id.into()],
            |row| Ok((row.key(1, 2)?, row.need::<TsVector>(3)?.to_body())),
        )?;
        Ok(rows.into_iter().collect())
    }

    /// Tells whether a row is still what was processed; another trigger may have changed it.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.filename, self.file_type, self.language, self.text).hash(&mut hasher);
        hasher.finish()
    }

    /// Makes the document's chunks those of `processed`. Chunks that are the same as before keep
    /// their rows.
    pub fn write(&self, db: &Db, processed: Processed) -> Result<()> {
        let old = db.rows(
            "select
                case when section_title is not distinct from heading_path[cardinality(heading_path)]
                    then content_hash end,
                heading_path, id, chunk_index, start_offset, end_offset, size
            from carrel.document_chunks
            where user_id = $1 and document_id = $2 order by chunk_index",
            &[self.user_id.into(), self.document_id.into()],
            |row| {
                let key = row.key(1, 2)?;
                let place = Place {
                    index: row.need(4)?,
                    start: row.get(5),
                    end: row.get(6),
                    size: row.get(7),
                };
                Ok((key, row.need::<Uuid>(3)?, place))
            },
        )?;
        let old_keys: Vec<&Key> = old.iter().map(|(key, ..)| key).collect();
        let new_keys: Vec<&Key> = processed.pieces.iter().map(|piece| &piece.key).collect();
        let kept = matching(&old_keys, &new_keys);
        let deriving = Deriving::begin();
        self.delete_others(db, &old, &kept)?;
        move_kept(db, &old, &kept, &processed.pieces)?;
        self.insert_new(db, &kept, processed.pieces)?;
        drop(deriving);
        Ok(())
    }

    fn delete_others(
        &self,
        db: &Db,
        old: &[(Key, Uuid, Place)],
        kept: &[Option<usize>],
    ) -> Result<()> {
        let mut stays = vec![false; old.len()];
        for place in kept.iter().flatten() {
            stays[*place] = true;
        }
        let gone: Vec<Uuid> = old
            .iter()
            .zip(&stays)
            .filter(|(_, stays)| !**stays)
            .map(|((_, id, _), _)| *id)
            .collect();
        if !gone.is_empty() {
            db.execute(
                "delete from carrel.document_chunks
                where user_id = $1 and document_id = $2 and id = any ($3)",
                &[self.user_id.into(), self.document_id.into(), gone.into()],
            )?;
        }
        Ok(())
    }

    fn insert_new(&self, db: &Db, kept: &[Option<usize>], pieces: Vec<Piece>) -> Result<()> {
        let mut room = PgMemoryContexts::new("carrel chunk");
        for (index, (piece, kept)) in pieces.into_iter().zip(kept).enumerate() {
            if kept.is_some() {
                continue;
            }
            let content = &self.text[piece.byte_start..piece.byte_end];
            let index = offset(index)?;
            // SAFETY: the arguments live in the room until the row is written; an error does not.
            unsafe {
                let args: [Arg; 12] = room.switch_to(|_| {
                    [
                        uuid_v7().into(),
                        self.user_id.into(),
                        self.document_id.into(),
                        index.into(),
                        content.into(),
                        piece.key.heading_path.last().cloned().into(),
                        piece.key.heading_path.into(),
                        piece.start.into(),
                        piece.end.into(),
                        piece.size.into(),
                        piece.key.hash.to_vec().into(),
                        TsVector::from_body(&piece.vector).into(),
                    ]
                });
                db.execute(
                    "insert into carrel.document_chunks
                        (id, user_id, document_id, chunk_index, content, section_title, heading_path,
                         start_offset, end_offset, size, content_hash, search_vector)
                    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
                    &args,
                )?;
                room.reset();
            }
        }
        Ok(())
    }
}

impl Processed {
    /// The memory that its chunks take, about, in bytes.
    pub fn memory(&self) -> usize {
        self.pieces.iter().map(|piece| size_of::<Piece>() + piece.vector.len()).sum()
    }

    /// Whether it was made from this source.
    pub fn is_of(&self, source: &Source) -> bool {
        self.fingerprint == source.fingerprint()
    }
}

/// Where a chunk stands.
#[derive(PartialEq)]
struct Place {
    index: i32,
    start: Option<i32>,
    end: Option<i32>,
    size: Option<i32>,
}

/// Moves kept chunks to their new places, with new vectors where those were parsed again. Both orders ascend, so that those that move down, from
/// the first, and then those that move up, from the last, never meet one that has not moved yet:
/// the unique key is checked row by row.
fn move_kept(
    db: &Db,
    old: &[(Key, Uuid, Place)],
    kept: &[Option<usize>],
    pieces: &[Piece],
) -> Result<()> {
    let mut down = Vec::new();
    let mut up = Vec::new();
    for (index, (piece, kept)) in pieces.iter().zip(kept).enumerate() {
        let Some((_, id, from)) = kept.map(|place| &old[place]) else { continue };
        let to = Place {
            index: offset(index)?,
            start: Some(piece.start),
            end: Some(piece.end),
            size: Some(piece.size),
        };
        if *from != to || piece.is_new {
            if to.index <= from.index { &mut down } else { &mut up }.push((id, to, piece));
        }
    }
    for (id, to, piece) in down.into_iter().chain(up.into_iter().rev()) {
        db.execute(
            "update carrel.document_chunks set
                chunk_index = $2, start_offset = $3, end_offset = $4, size = $5,
                search_vector = coalesce($6, search_vector)
            where id = $1",
            &[
                (*id).into(),
                to.index.into(),
                to.start.into(),
                to.end.into(),
                to.size.into(),
                piece.is_new.then(|| TsVector::from_body(&piece.vector)).into(),
            ],
        )?;
    }
    Ok(())
}

/// The vector of a chunk: the titles it is under (weight B), then its content.
pub fn chunk_vector(parser: &mut Parser, titles: &[String], content: &str) -> Result<Vec<u8>> {
    let mut assembler = Assembler::new();
    if !titles.is_empty() {
        parser.append(&mut assembler, &titles.join("\n"), Some(Weight::B))?;
    }
    parser.append(&mut assembler, content, None)?;
    Ok(assembler.finish())
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
        |row| vectors::add(&mut assembler, &row.need::<TsVector>(1)?.to_body(), None),
    )?;
    Ok(assembler.finish())
}

/// Markdown where the MIME type or, where that says nothing, the file name's extension says so.
pub fn format_of(file_type: Option<&str>, filename: &str) -> Format {
    match file_type {
        Some("text/markdown" | "text/x-markdown") => Format::Markdown,
        None | Some("" | "text/plain" | "application/octet-stream") => {
            let extension = filename.rsplit_once('.').map(|(_, extension)| extension);
            let markdown = ["md", "markdown", "mdown", "mkd", "mdx"];
            match extension.map(str::to_ascii_lowercase) {
                Some(extension) if markdown.contains(&extension.as_str()) => Format::Markdown,
                _ => Format::Plain,
            }
        }
        Some(_) => Format::Plain,
    }
}

/// Deletes all chunks of a document.
pub fn delete_chunks(db: &Db, user_id: Uuid, document_id: Uuid) -> Result<()> {
    db.execute(
        "delete from carrel.document_chunks where user_id = $1 and document_id = $2",
        &[user_id.into(), document_id.into()],
    )?;
    Ok(())
}

impl spi::Row {
    fn key(&self, hash: i32, heading_path: i32) -> Result<Key> {
        let hash: Option<Vec<u8>> = self.get(hash);
        Ok(Key {
            hash: hash.and_then(|hash| hash.try_into().ok()).unwrap_or_default(),
            heading_path: self
                .need::<Vec<Option<String>>>(heading_path)?
                .into_iter()
                .flatten()
                .collect(),
        })
    }
}

fn offset(value: usize) -> Result<i32> {
    i32::try_from(value).map_err(|_| {
        Error::new(SqlState::InvalidParameterValue, format!("offset {value} is too large"))
    })
}

thread_local! {
    static DERIVING: Cell<bool> = const { Cell::new(false) };
}

/// While it lives, chunks are written that are complete, vector and all.
struct Deriving {
    before: bool,
}

impl Deriving {
    fn begin() -> Self {
        Self { before: DERIVING.replace(true) }
    }
}

impl Drop for Deriving {
    fn drop(&mut self) {
        DERIVING.set(self.before);
    }
}

/// Whether the chunk that is being written is carrel's own.
pub fn is_deriving() -> bool {
    DERIVING.get()
}
