//! Search keys: lexemes with a prefix for user and language. One index on keys serves all users, and no
//! search reads entries of another user.

use crate::documents::malformed;
use crate::pg::error::{Result, guard};
use crate::pg::values::TsVector;
use carrel_core::tsvector::{Lexemes, View, key, of_keys};
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use sha2::{Digest, Sha256};

/// Returns the search keys of a vector: its lexemes without positions, each behind a prefix of 11
/// characters for user and language.
///
/// Used by the index documents_filename_keys_idx.
#[pg_extern(immutable, strict, parallel_safe)]
fn search_keys(user_id: Uuid, language: &str, search_vector: TsVector) -> TsVector {
    let prefix = prefix(user_id, language);
    guard(|| {
        let body = search_vector.to_body();
        let view = View::parse(&body).map_err(malformed)?;
        vector_of_keys(&prefix, view.iter().map(|(lexeme, _)| key(&prefix, lexeme, b"")))
    })
}

/// Builds a vector of keys, or of the overflow key if they do not fit.
fn vector_of_keys(prefix: &[u8], keys: impl Iterator<Item = Vec<u8>>) -> Result<TsVector> {
    Ok(TsVector::from_body(&of_keys(keys.collect(), overflow_key(prefix))))
}

/// Key of vectors with more lexemes than fit.
fn overflow_key(prefix: &[u8]) -> Vec<u8> {
    key(prefix, b"", b"")
}

/// Queries on the keys of a user in one language, as text of type tsquery.
pub struct KeyQueries {
    prefix: [u8; 11],
}

impl KeyQueries {
    pub fn new(user: Uuid, language: &str) -> Self {
        Self { prefix: prefix(user, language) }
    }

    /// Matches file names with any of the lexemes.
    pub fn of_names<'a>(&self, lexemes: impl Iterator<Item = &'a [u8]>) -> String {
        self.any_of(lexemes.map(|lexeme| quoted(&key(&self.prefix, lexeme, b""))))
    }

    /// Matches any of the keys, and vectors with more lexemes than fit.
    fn any_of(&self, keys: impl Iterator<Item = String>) -> String {
        let mut keys: Vec<String> = keys.collect();
        keys.push(quoted(&overflow_key(&self.prefix)));
        keys.join(" | ")
    }
}

fn quoted(key: &[u8]) -> String {
    let key = String::from_utf8_lossy(key).replace('\\', "\\\\").replace('\'', "''");
    format!("'{key}'")
}

/// Prefix of a user's keys in a language: 66 bits of a SHA-256, as 11 characters. Collisions are not to
/// be expected for any number of users.
///
/// The indexes hold the prefix: a change here requires all of them to be rebuilt.
fn prefix(user: Uuid, language: &str) -> [u8; 11] {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let hash = Sha256::new().chain_update(user.as_bytes()).chain_update(language).finalize();
    std::array::from_fn(|digit| DIGITS[usize::from(hash[digit] & 63)])
}
