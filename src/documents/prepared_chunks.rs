//! Prepared chunks: the chunks of a text with their search vectors, before they are written. They are
//! records in the [`spool`], which holds more than memory should.

use crate::pg::error;
use crate::pg::error::{Error, Result, SqlState};
use crate::pg::spool::{self, SpoolGuard};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::rc::Rc;

/// Identity of a chunk in its document: a hash of its content and of the headings above it.
pub type ChunkKey = [u8; 32];

/// Computes the key of a chunk from the hash of its content.
pub fn chunk_key<T: AsRef<str>>(content_hash: &[u8], heading_path: &[T]) -> ChunkKey {
    let mut hasher = Sha256::new();
    hasher.update(content_hash);
    for title in heading_path {
        let title = title.as_ref();
        hasher.update(title.len().to_ne_bytes());
        hasher.update(title);
    }
    hasher.finalize().into()
}

/// Chunk with its search vector, to be written.
pub struct PreparedChunk<'a> {
    /// SHA-256 of the content.
    pub content_hash: [u8; 32],
    pub content: Cow<'a, str>,
    /// Offsets in the text, in characters; `end` is exclusive.
    pub start: i32,
    pub end: i32,
    pub size: i32,
    pub heading_path: Vec<Rc<str>>,
    /// Number of positions that the leading title of a text without headings takes.
    pub title_words: i32,
    pub vector: Vec<u8>,
    /// True if the vector was parsed; false if it was reused from a stored chunk.
    pub is_parsed: bool,
}

impl PreparedChunk<'_> {
    pub fn key(&self) -> ChunkKey {
        chunk_key(&self.content_hash, &self.heading_path)
    }

    /// Number of bytes of content, headings and vector.
    pub fn size_in_bytes(&self) -> usize {
        let titles: usize = self.heading_path.iter().map(|title| title.len()).sum();
        self.content.len() + titles + self.vector.len()
    }
}

/// Prepared chunks of a document, in order.
pub struct PreparedChunks {
    /// Positions of the records in the spool.
    start: usize,
    end: usize,
    /// Buffer for the next record.
    record: Vec<u8>,
    lease: SpoolGuard,
}

impl PreparedChunks {
    pub fn new() -> Self {
        let lease = spool::acquire();
        let start = spool::end();
        Self { start, end: start, record: Vec::new(), lease }
    }

    /// Appends a chunk. Between two calls, nothing else may be written to the spool.
    pub fn push(&mut self, chunk: &PreparedChunk) -> Result<()> {
        let record = &mut self.record;
        record.clear();
        // 256 bytes cover the numbers, 8 bytes the length of each title.
        error::reserve(record, chunk.size_in_bytes() + 256 + 8 * chunk.heading_path.len())?;
        record.extend([0; size_of::<usize>()]);
        record.extend(chunk.content_hash);
        let numbers = [
            chunk.start as usize,
            chunk.end as usize,
            chunk.size as usize,
            chunk.title_words as usize,
            usize::from(chunk.is_parsed),
        ];
        for number in numbers {
            record.extend(number.to_ne_bytes());
        }
        put(record, chunk.content.as_bytes());
        put(record, &chunk.vector);
        for title in &chunk.heading_path {
            put(record, title.as_bytes());
        }
        let length = record.len() - size_of::<usize>();
        record[..size_of::<usize>()].copy_from_slice(&length.to_ne_bytes());
        spool::write(record)?;
        self.end = spool::end();
        Ok(())
    }

    /// Calls `each` for every chunk, in order, with the position of its record.
    pub fn for_each(&self, mut each: impl FnMut(usize, PreparedChunk) -> Result<()>) -> Result<()> {
        let mut next = self.start;
        let mut record = Vec::new();
        while next < self.end {
            let position = next;
            let chunk = read_record(&self.lease, &mut next, &mut record)?;
            each(position, chunk)?;
        }
        Ok(())
    }

    /// Calls `with` for the chunk whose record is at a position.
    pub fn read(
        &self,
        mut position: usize,
        with: impl FnOnce(PreparedChunk) -> Result<()>,
    ) -> Result<()> {
        let mut record = Vec::new();
        with(read_record(&self.lease, &mut position, &mut record)?)
    }
}

/// Reads a record, and advances `position` to the next one.
fn read_record<'a>(
    lease: &SpoolGuard,
    position: &mut usize,
    record: &'a mut Vec<u8>,
) -> Result<PreparedChunk<'a>> {
    let mut length = [0; size_of::<usize>()];
    spool::read(lease, *position, &mut length)?;
    record.resize(usize::from_ne_bytes(length), 0);
    spool::read(lease, *position + length.len(), record)?;
    *position += length.len() + record.len();
    decode(record).ok_or_else(|| {
        Error::new(
            SqlState::ObjectNotInPrerequisiteState,
            "what processing made of a document is damaged",
        )
    })
}

fn decode(mut rest: &[u8]) -> Option<PreparedChunk<'_>> {
    let (hash, after) = rest.split_first_chunk()?;
    rest = after;
    let mut numbers = [0; 5];
    for number in &mut numbers {
        *number = take_number(&mut rest)?;
    }
    let [start, end, size, title_words, is_parsed] = numbers;
    let content = std::str::from_utf8(take_bytes(&mut rest)?).ok()?;
    let vector = take_bytes(&mut rest)?.to_vec();
    let mut heading_path = Vec::new();
    while !rest.is_empty() {
        heading_path.push(std::str::from_utf8(take_bytes(&mut rest)?).ok()?.into());
    }
    Some(PreparedChunk {
        content_hash: *hash,
        content: Cow::Borrowed(content),
        start: start as i32,
        end: end as i32,
        size: size as i32,
        heading_path,
        title_words: title_words as i32,
        vector,
        is_parsed: is_parsed > 0,
    })
}

/// Appends bytes with their length.
fn put(record: &mut Vec<u8>, bytes: &[u8]) {
    record.extend(bytes.len().to_ne_bytes());
    record.extend_from_slice(bytes);
}

fn take_number(rest: &mut &[u8]) -> Option<usize> {
    let (number, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(usize::from_ne_bytes(*number))
}

/// Takes bytes that [`put`] appended.
fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take_number(rest)?;
    let (bytes, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(bytes)
}
