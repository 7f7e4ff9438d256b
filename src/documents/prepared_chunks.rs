//! The chunks of a text as processing makes them, until they are written: a list in the [`spool`].

use crate::pg::error;
use crate::pg::error::{Error, Result, SqlState};
use crate::pg::spool::{self, SpoolGuard};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::rc::Rc;

/// What makes a chunk the same chunk as before: a hash of its content and of the headings it is under.
pub type Key = [u8; 32];

/// The key of a chunk, from the hash of its content.
pub fn key<T: AsRef<str>>(content_hash: &[u8], heading_path: &[T]) -> Key {
    let mut hasher = Sha256::new();
    hasher.update(content_hash);
    for title in heading_path {
        let title = title.as_ref();
        hasher.update(title.len().to_ne_bytes());
        hasher.update(title);
    }
    hasher.finalize().into()
}

/// A chunk that is still to be written.
pub struct Piece<'a> {
    /// SHA-256 of the content.
    pub content_hash: [u8; 32],
    pub content: Cow<'a, str>,
    /// Where it is in the text, in characters.
    pub start: i32,
    pub end: i32,
    pub size: i32,
    pub heading_path: Vec<Rc<str>>,
    /// How many positions, the first, are those of the title that a text without headings begins with.
    pub title_words: i32,
    pub vector: Vec<u8>,
    /// Whether the vector was parsed, not taken from a chunk that is there.
    pub is_new: bool,
}

impl Piece<'_> {
    pub fn key(&self) -> Key {
        key(&self.content_hash, &self.heading_path)
    }

    /// The bytes of what is of no fixed size.
    pub fn size_in_bytes(&self) -> usize {
        let titles: usize = self.heading_path.iter().map(|title| title.len()).sum();
        self.content.len() + titles + self.vector.len()
    }
}

/// Pieces, in order.
pub struct Pieces {
    start: usize,
    end: usize,
    /// Room to put a piece together in.
    record: Vec<u8>,
    lease: SpoolGuard,
}

impl Pieces {
    pub fn new() -> Self {
        let lease = spool::acquire();
        let start = spool::end();
        Self { start, end: start, record: Vec::new(), lease }
    }

    /// Appends a piece. Nobody else may have written to the spool since the one before.
    pub fn push(&mut self, piece: &Piece) -> Result<()> {
        let record = &mut self.record;
        record.clear();
        // Lengths and numbers take less than that.
        error::reserve(record, piece.size_in_bytes() + 256 + 8 * piece.heading_path.len())?;
        record.extend([0; size_of::<usize>()]);
        record.extend(piece.content_hash);
        let numbers = [
            piece.start as usize,
            piece.end as usize,
            piece.size as usize,
            piece.title_words as usize,
            usize::from(piece.is_new),
        ];
        for number in numbers {
            record.extend(number.to_ne_bytes());
        }
        put(record, piece.content.as_bytes());
        put(record, &piece.vector);
        for title in &piece.heading_path {
            put(record, title.as_bytes());
        }
        let length = record.len() - size_of::<usize>();
        record[..size_of::<usize>()].copy_from_slice(&length.to_ne_bytes());
        spool::write(record)?;
        self.end = spool::end();
        Ok(())
    }

    /// Calls `each` for every piece, in order, with the place at which it can be read again.
    pub fn each(&self, mut each: impl FnMut(usize, Piece) -> Result<()>) -> Result<()> {
        let mut at = self.start;
        let mut record = Vec::new();
        while at < self.end {
            let place = at;
            let piece = read(&self.lease, &mut at, &mut record)?;
            each(place, piece)?;
        }
        Ok(())
    }

    /// Calls `with` for the piece at a place.
    pub fn at(&self, mut place: usize, with: impl FnOnce(Piece) -> Result<()>) -> Result<()> {
        let mut record = Vec::new();
        with(read(&self.lease, &mut place, &mut record)?)
    }
}

fn read<'a>(lease: &SpoolGuard, at: &mut usize, record: &'a mut Vec<u8>) -> Result<Piece<'a>> {
    let mut length = [0; size_of::<usize>()];
    spool::read(lease, *at, &mut length)?;
    record.resize(usize::from_ne_bytes(length), 0);
    spool::read(lease, *at + length.len(), record)?;
    *at += length.len() + record.len();
    decode(record).ok_or_else(|| {
        Error::new(
            SqlState::ObjectNotInPrerequisiteState,
            "what processing made of a document is damaged",
        )
    })
}

fn decode(mut rest: &[u8]) -> Option<Piece<'_>> {
    let (hash, after) = rest.split_first_chunk()?;
    rest = after;
    let mut numbers = [0; 5];
    for number in &mut numbers {
        *number = take_number(&mut rest)?;
    }
    let [start, end, size, title_words, is_new] = numbers;
    let content = std::str::from_utf8(take(&mut rest)?).ok()?;
    let vector = take(&mut rest)?.to_vec();
    let mut heading_path = Vec::new();
    while !rest.is_empty() {
        heading_path.push(std::str::from_utf8(take(&mut rest)?).ok()?.into());
    }
    Some(Piece {
        content_hash: *hash,
        content: Cow::Borrowed(content),
        start: start as i32,
        end: end as i32,
        size: size as i32,
        heading_path,
        title_words: title_words as i32,
        vector,
        is_new: is_new > 0,
    })
}

fn put(record: &mut Vec<u8>, bytes: &[u8]) {
    record.extend(bytes.len().to_ne_bytes());
    record.extend_from_slice(bytes);
}

fn take_number(rest: &mut &[u8]) -> Option<usize> {
    let (number, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(usize::from_ne_bytes(*number))
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take_number(rest)?;
    let (bytes, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(bytes)
}
