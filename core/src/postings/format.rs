//! Bytes of a segment.

use crate::tsvector::{Position, Weight};
use std::fmt;

/// Error: bytes that are no segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("malformed postings")
    }
}

impl std::error::Error for Malformed {}

/// One version of a text. Versions with other lexemes, positions or properties have another hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub id: [u8; 16],
    pub version: u64,
}

impl Key {
    pub(super) const SIZE: usize = 24;

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.id);
        bytes.extend_from_slice(&self.version.to_le_bytes());
    }

    pub(super) fn read(bytes: &mut &[u8]) -> Result<Self, Malformed> {
        Ok(Self { id: take(bytes)?, version: u64::from_le_bytes(take(bytes)?) })
    }
}

/// Text of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    pub id: [u8; 16],
    pub document: [u8; 16],
    /// Length for ranking: number of positions that have a lexeme.
    pub words: u32,
    /// Number of leading positions that belong to a title.
    pub title_words: u16,
}

/// Text as it is stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) text: Text,
    pub(super) version: u64,
    /// First and last position of the content: the second is less than the first if there is none.
    pub(super) bounds: (u16, u16),
}

impl Entry {
    pub(super) const SIZE: usize = 50;

    pub(super) fn key(&self) -> Key {
        Key { id: self.text.id, version: self.version }
    }

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        let Text { document, words, title_words, .. } = self.text;
        self.key().write(bytes);
        bytes.extend_from_slice(&document);
        bytes.extend_from_slice(&words.to_le_bytes());
        for number in [title_words, self.bounds.0, self.bounds.1] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
    }

    pub(super) fn read(bytes: &mut &[u8]) -> Result<Self, Malformed> {
        let Key { id, version } = Key::read(bytes)?;
        let document = take(bytes)?;
        let words = u32::from_le_bytes(take(bytes)?);
        let mut number = || take(bytes).map(u16::from_le_bytes);
        let title_words = number()?;
        let bounds = (number()?, number()?);
        Ok(Self { text: Text { id, document, words, title_words }, version, bounds })
    }
}

/// Header: where the parts of a segment are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) texts: usize,
    pub(super) removed: usize,
    /// Starts of the heads, of the dictionary and of the postings, and the end.
    pub(super) heads: usize,
    pub(super) dictionary: usize,
    pub(super) postings: usize,
    pub(super) end: usize,
}

impl Header {
    pub(super) const SIZE: usize = 32;

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        let Self { texts, removed, heads, dictionary, postings, end } = *self;
        for number in [texts, removed, heads, dictionary, postings, end, 0, 0] {
            // Values of Postgres have less than 2^30 bytes.
            bytes.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
        }
    }

    pub(super) fn read(mut bytes: &[u8]) -> Result<Self, Malformed> {
        let mut number = || Ok(u32::from_le_bytes(take(&mut bytes)?) as usize);
        let (texts, removed) = (number()?, number()?);
        let (heads, dictionary, postings, end) = (number()?, number()?, number()?, number()?);
        let header = Self { texts, removed, heads, dictionary, postings, end };
        let is_sound = header.start_of_removed().checked_add(removed * Key::SIZE) == Some(heads)
            && heads <= dictionary
            && dictionary <= postings
            && postings <= end;
        if is_sound { Ok(header) } else { Err(Malformed) }
    }

    pub(super) fn start_of_removed(&self) -> usize {
        Self::SIZE + self.texts * Entry::SIZE
    }
}

/// Takes bytes of a fixed number.
fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Malformed> {
    let (taken, rest) = bytes.split_first_chunk().ok_or(Malformed)?;
    *bytes = rest;
    Ok(*taken)
}

/// Takes a number of bytes.
pub(super) fn take_slice<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], Malformed> {
    let (taken, rest) = bytes.split_at_checked(length).ok_or(Malformed)?;
    *bytes = rest;
    Ok(taken)
}

pub(super) fn push_number(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

pub(super) fn take_number(bytes: &mut &[u8]) -> Result<u32, Malformed> {
    let mut number = 0_u32;
    for shift in (0..32).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or(Malformed)?;
        *bytes = rest;
        number |= u32::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Malformed)
}

/// Appends a posting, `distance` texts after the one before.
pub(super) fn push_posting(bytes: &mut Vec<u8>, distance: u32, positions: &[Position]) {
    if let [Position { weight: Weight::D, position }] = positions {
        push_number(bytes, distance << 1 | 1);
        push_number(bytes, (*position).into());
        return;
    }
    push_number(bytes, distance << 1);
    let has_weights = positions.iter().any(|position| position.weight != Weight::D);
    push_number(bytes, (positions.len() as u32) << 1 | u32::from(has_weights));
    let mut last = 0;
    for Position { weight, position } in positions {
        let step = u32::from(position.saturating_sub(last));
        last = *position;
        push_number(bytes, if has_weights { step << 2 | *weight as u32 } else { step });
    }
}

/// Takes a posting. Calls `each` for its positions. Returns the distance from the text before.
pub(super) fn take_posting(
    bytes: &mut &[u8],
    mut each: impl FnMut(Position),
) -> Result<u32, Malformed> {
    let distance = take_number(bytes)?;
    if distance & 1 == 1 {
        each(Position::at(take_number(bytes)?, Weight::D));
        return Ok(distance >> 1);
    }
    let count = take_number(bytes)?;
    let has_weights = count & 1 == 1;
    let mut last = 0_u32;
    for _ in 0..count >> 1 {
        let mut step = take_number(bytes)?;
        let mut weight = Weight::D;
        if has_weights {
            weight = [Weight::D, Weight::C, Weight::B, Weight::A][step as usize & 3];
            step >>= 2;
        }
        last = last.saturating_add(step);
        each(Position::at(last, weight));
    }
    Ok(distance >> 1)
}

/// Number of lexemes in a block of the dictionary.
const BLOCK: usize = 64;

/// Writes the lexemes of a segment, in order, with their postings.
#[derive(Default)]
pub(super) struct Lexicon {
    heads: Vec<u8>,
    dictionary: Vec<u8>,
    postings: Vec<u8>,
    last: Vec<u8>,
    /// Lexemes in the last block.
    in_block: usize,
    /// Start of the last block, in the dictionary and in the postings.
    block: (usize, usize),
}

impl Lexicon {
    /// Adds a lexeme with its postings.
    pub(super) fn push(&mut self, lexeme: &[u8], postings: &[u8]) {
        if self.in_block == BLOCK {
            self.end_block();
        }
        let mut shared = 0;
        if self.in_block == 0 {
            push_number(&mut self.heads, lexeme.len() as u32);
            self.heads.extend_from_slice(lexeme);
        } else {
            shared = lexeme.iter().zip(&self.last).take_while(|(a, b)| a == b).count();
        }
        self.in_block += 1;
        push_number(&mut self.dictionary, shared as u32);
        push_number(&mut self.dictionary, (lexeme.len() - shared) as u32);
        self.dictionary.extend_from_slice(&lexeme[shared..]);
        push_number(&mut self.dictionary, postings.len() as u32);
        self.postings.extend_from_slice(postings);
        self.last.clear();
        self.last.extend_from_slice(lexeme);
    }

    fn end_block(&mut self) {
        let end = (self.dictionary.len(), self.postings.len());
        push_number(&mut self.heads, (end.0 - self.block.0) as u32);
        push_number(&mut self.heads, (end.1 - self.block.1) as u32);
        self.block = end;
        self.in_block = 0;
    }

    /// Encodes the segment. Empty without texts and removed keys.
    pub(super) fn finish(mut self, entries: &[Entry], removed: &[Key]) -> Vec<u8> {
        if entries.is_empty() && removed.is_empty() {
            return Vec::new();
        }
        if self.in_block > 0 {
            self.end_block();
        }
        let heads = Header::SIZE + entries.len() * Entry::SIZE + removed.len() * Key::SIZE;
        let dictionary = heads + self.heads.len();
        let postings = dictionary + self.dictionary.len();
        let end = postings + self.postings.len();
        let header = Header {
            texts: entries.len(),
            removed: removed.len(),
            heads,
            dictionary,
            postings,
            end,
        };
        let mut bytes = Vec::with_capacity(end);
        header.write(&mut bytes);
        entries.iter().for_each(|entry| entry.write(&mut bytes));
        removed.iter().for_each(|key| key.write(&mut bytes));
        for part in [&self.heads, &self.dictionary, &self.postings] {
            bytes.extend_from_slice(part);
        }
        bytes
    }
}

/// Reads the lexemes of a dictionary, or of a block of it, in order.
pub(super) struct DictionaryReader<'a> {
    bytes: &'a [u8],
    pub(super) lexeme: Vec<u8>,
    /// Size of the lexeme's postings.
    pub(super) postings: usize,
}

impl<'a> DictionaryReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, lexeme: Vec::new(), postings: 0 }
    }

    /// Reads the next lexeme. Returns false at the end.
    pub(super) fn next(&mut self) -> Result<bool, Malformed> {
        if self.bytes.is_empty() {
            return Ok(false);
        }
        let shared = take_number(&mut self.bytes)? as usize;
        let length = take_number(&mut self.bytes)? as usize;
        let further = take_slice(&mut self.bytes, length)?;
        if shared > self.lexeme.len() {
            return Err(Malformed);
        }
        self.lexeme.truncate(shared);
        self.lexeme.extend_from_slice(further);
        self.postings = take_number(&mut self.bytes)? as usize;
        Ok(true)
    }
}
