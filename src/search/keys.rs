//! The keys that a user's texts are found by: each user's lexemes are keys of their own, so that one
//! index serves all users and none of them meets another's words.

use crate::documents::malformed;
use crate::pg::error::{Result, guard};
use crate::pg::values::TsVector;
use carrel_core::ranking::{Frequency, Term, level};
use carrel_core::tsvector::{View, key, of_keys};
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use sha2::{Digest, Sha256};

/// Stands between a lexeme and its level.
const LEVEL: u8 = 1;

/// The keys of a vector of a user's, in a language: its lexemes, each behind eleven characters that
/// stand for both, and without positions.
#[pg_extern(immutable, strict, parallel_safe)]
fn search_keys(user_id: Uuid, language: &str, search_vector: TsVector) -> TsVector {
    let prefix = prefix(user_id, language);
    guard(|| {
        let body = search_vector.to_body();
        let view = View::parse(&body).map_err(malformed)?;
        keys(&prefix, view.iter().map(|(lexeme, _)| key(&prefix, lexeme, b"")))
    })
}

/// The keys of a chunk's vector: as search_keys(), and behind each lexeme how much it says, at most,
/// about the chunk, which has so many words, the first of them a title's.
#[pg_extern(immutable, strict, parallel_safe)]
fn chunk_keys(
    user_id: Uuid,
    language: &str,
    search_vector: TsVector,
    words: i32,
    title_words: i32,
) -> TsVector {
    let prefix = prefix(user_id, language);
    guard(|| {
        let body = search_vector.to_body();
        let view = View::parse(&body).map_err(malformed)?;
        let (words, title_words) = (words.max(0) as u64, title_words_of(title_words));
        keys(
            &prefix,
            view.iter().map(|(lexeme, positions)| {
                let level = level(Frequency::of(positions, title_words), words);
                key(&prefix, lexeme, &of_level(level))
            }),
        )
    })
}

fn keys(prefix: &[u8], keys: impl Iterator<Item = Vec<u8>>) -> Result<TsVector> {
    Ok(TsVector::from_body(&of_keys(keys.collect(), overflow(prefix))))
}

/// A column's title_words, as vectors are read with them.
pub fn title_words_of(title_words: i32) -> u16 {
    u16::try_from(title_words.max(0)).unwrap_or(u16::MAX)
}

/// The key of vectors that have more lexemes than fit.
fn overflow(prefix: &[u8]) -> Vec<u8> {
    key(prefix, b"", b"")
}

fn of_level(level: u8) -> [u8; 2] {
    [LEVEL, b'0' + level]
}

/// A user's keys in a language, as tsqueries, in text.
pub struct Keys {
    prefix: [u8; 11],
}

impl Keys {
    pub fn new(user: Uuid, language: &str) -> Self {
        Self { prefix: prefix(user, language) }
    }

    /// What the keys of names satisfy which have any of the terms.
    pub fn of_names<'a>(&self, terms: impl Iterator<Item = &'a Term>) -> String {
        self.any_of(terms.map(|term| {
            let key = key(&self.prefix, &term.lexeme, b"");
            quoted(&key, term.is_prefix)
        }))
    }

    /// What the keys of chunks satisfy which have any of the terms.
    pub fn of_chunks<'a>(&self, terms: impl Iterator<Item = &'a Term>) -> String {
        self.any_of(terms.map(|term| {
            // Of any level.
            let behind: &[u8] = if term.is_prefix { b"" } else { &[LEVEL] };
            quoted(&key(&self.prefix, &term.lexeme, behind), true)
        }))
    }

    /// What the keys of chunks satisfy of which this lexeme says so much.
    pub fn of_level(&self, lexeme: &[u8], level: u8) -> String {
        quoted(&key(&self.prefix, lexeme, &of_level(level)), false)
    }

    /// What the keys of vectors satisfy that have more lexemes than fit.
    pub fn of_overflow(&self) -> String {
        quoted(&overflow(&self.prefix), false)
    }

    fn any_of(&self, keys: impl Iterator<Item = String>) -> String {
        let mut keys: Vec<String> = keys.collect();
        keys.push(self.of_overflow());
        keys.join(" | ")
    }
}

fn quoted(key: &[u8], is_prefix: bool) -> String {
    let key = String::from_utf8_lossy(key).replace('\\', "\\\\").replace('\'', "''");
    format!("'{key}'{}", if is_prefix { ":*" } else { "" })
}

/// Eleven characters that stand for a user and a language: 66 bits of their SHA-256: that two are the same
/// is not to be expected of any number of users. They are in the index: a change here needs every index made anew.
fn prefix(user: Uuid, language: &str) -> [u8; 11] {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let hash = Sha256::new().chain_update(user.as_bytes()).chain_update(language).finalize();
    std::array::from_fn(|digit| DIGITS[usize::from(hash[digit] & 63)])
}
