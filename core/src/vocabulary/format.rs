//! Bytes of a vocabulary.

use crate::merge_sorted::NextWords;
use std::fmt;

/// Error: bytes that are no vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("malformed vocabulary")
    }
}

impl std::error::Error for Malformed {}

/// Encodes words, in ascending order, each at most 255 bytes long, with their numbers of texts.
pub fn encode<'a>(words: impl Iterator<Item = (&'a str, i64)>) -> Vec<u8> {
    let mut encoder = Encoder::default();
    words.for_each(|(word, texts)| encoder.push(word.as_bytes(), texts));
    encoder.bytes
}

/// Vocabulary to which words are added in order.
#[derive(Default)]
struct Encoder {
    bytes: Vec<u8>,
    last: Vec<u8>,
}

impl Encoder {
    /// Adds a word that is in any text.
    fn push_counted(&mut self, word: Option<(Vec<u8>, i64)>) {
        if let Some((word, texts)) = word.filter(|(_, texts)| *texts != 0) {
            self.push(&word, texts);
        }
    }

    fn push(&mut self, word: &[u8], texts: i64) {
        let shared = word.iter().zip(&self.last).take_while(|(a, b)| a == b).count();
        let further = &word[shared..];
        let (Ok(common), Ok(length)) = (u8::try_from(shared), u8::try_from(further.len())) else {
            return;
        };
        self.bytes.push(common);
        self.bytes.push(length);
        self.bytes.extend_from_slice(further);
        let mut rest = (texts << 1 ^ texts >> 63) as u64;
        while rest >= 0x80 {
            self.bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.bytes.push(rest as u8);
        self.last.truncate(shared);
        self.last.extend_from_slice(further);
    }
}

/// Reader of a vocabulary, word by word.
struct Reader<'a> {
    bytes: &'a [u8],
    word: Vec<u8>,
    texts: i64,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, word: Vec::with_capacity(64), texts: 0 }
    }

    /// Reads the next word. Returns false at the end.
    fn next(&mut self) -> Result<bool, Malformed> {
        let [shared, length, rest @ ..] = self.bytes else {
            return if self.bytes.is_empty() { Ok(false) } else { Err(Malformed) };
        };
        let (further, rest) = rest.split_at_checked(usize::from(*length)).ok_or(Malformed)?;
        if self.word.len() < usize::from(*shared) {
            return Err(Malformed);
        }
        self.word.truncate(usize::from(*shared));
        self.word.extend_from_slice(further);
        self.bytes = rest;
        self.texts = take_number(&mut self.bytes)?;
        Ok(true)
    }
}

/// Calls `each` for each word, in order, with its number of texts.
pub fn for_each(bytes: &[u8], mut each: impl FnMut(&str, i64)) -> Result<(), Malformed> {
    let mut reader = Reader::new(bytes);
    while reader.next()? {
        each(std::str::from_utf8(&reader.word).map_err(|_| Malformed)?, reader.texts);
    }
    Ok(())
}

/// Adds vocabularies up. Takes little memory beyond the sum. Calls `tick` for each word of each.
pub fn sum(vocabularies: &[Vec<u8>], mut tick: impl FnMut()) -> Result<Vec<u8>, Malformed> {
    let mut readers: Vec<Reader> =
        vocabularies.iter().map(|vocabulary| Reader::new(vocabulary)).collect();
    // Next word of each reader that has one, with the reader's number.
    let mut next = NextWords::default();
    for (number, reader) in readers.iter_mut().enumerate() {
        if reader.next()? {
            next.push(reader.word.clone(), number);
        }
    }
    let mut sum = Encoder::default();
    // Word that is added up.
    let mut current: Option<(Vec<u8>, i64)> = None;
    while let Some((word, number)) = next.pop() {
        tick();
        let reader = &mut readers[number];
        current = match current {
            Some((same, texts)) if same == word => Some((same, texts.saturating_add(reader.texts))),
            before => {
                sum.push_counted(before);
                Some((word, reader.texts))
            }
        };
        if reader.next()? {
            next.push(reader.word.clone(), number);
        }
    }
    sum.push_counted(current);
    Ok(sum.bytes)
}

/// Passes over a number.
pub(super) fn skip_number(bytes: &mut &[u8]) -> Result<(), Malformed> {
    let last = bytes.iter().position(|byte| byte & 0x80 == 0).ok_or(Malformed)?;
    *bytes = &bytes[last + 1..];
    Ok(())
}

pub(super) fn take_number(bytes: &mut &[u8]) -> Result<i64, Malformed> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or(Malformed)?;
        *bytes = rest;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Ok((number >> 1) as i64 ^ -((number & 1) as i64));
        }
    }
    Err(Malformed)
}
