//! Bytes of a vocabulary.

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
    let mut bytes = Vec::new();
    let mut last: &str = "";
    for (word, texts) in words {
        let shared = word.bytes().zip(last.bytes()).take_while(|(a, b)| a == b).count();
        let further = &word.as_bytes()[shared..];
        let (Ok(shared), Ok(length)) = (u8::try_from(shared), u8::try_from(further.len())) else {
            continue;
        };
        bytes.push(shared);
        bytes.push(length);
        bytes.extend_from_slice(further);
        let mut rest = (texts << 1 ^ texts >> 63) as u64;
        while rest >= 0x80 {
            bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
        last = word;
    }
    bytes
}

/// Calls `each` for each word, in order, with its number of texts.
pub fn for_each(mut bytes: &[u8], mut each: impl FnMut(&str, i64)) -> Result<(), Malformed> {
    let mut word: Vec<u8> = Vec::with_capacity(64);
    while let [shared, length, rest @ ..] = bytes {
        let (further, rest) = rest.split_at_checked(usize::from(*length)).ok_or(Malformed)?;
        if word.len() < usize::from(*shared) {
            return Err(Malformed);
        }
        word.truncate(usize::from(*shared));
        word.extend_from_slice(further);
        bytes = rest;
        let texts = take_number(&mut bytes)?;
        each(std::str::from_utf8(&word).map_err(|_| Malformed)?, texts);
    }
    if bytes.is_empty() { Ok(()) } else { Err(Malformed) }
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
