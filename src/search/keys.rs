//! The keys that a user's texts are found by: each user's lexemes are keys of their own, so that one
//! index serves all users and none of them meets another's words.

use crate::datums::TsVector;
use crate::documents::malformed;
use crate::error::guard;
use carrel_core::ranking::Term;
use carrel_core::tsvector::{View, prefixed, prefixed_lexeme};
use pgrx::datum::Uuid;
use pgrx::prelude::*;

/// The key of vectors that have more lexemes than fit: it is looked for by every search.
const OVERFLOW: &[u8] = b"";

/// The keys of a user's vector: its lexemes, each behind eight characters that stand for the user, and
/// without positions. Users whose characters are the same share keys, and cost each other time; whose a
/// row is, a search asks the row.
#[pg_extern(immutable, strict, parallel_safe)]
fn search_keys(user_id: Uuid, search_vector: TsVector) -> TsVector {
    guard(|| {
        let body = search_vector.to_body();
        let view = View::parse(&body).map_err(malformed)?;
        Ok(TsVector::from_body(&prefixed(&view, &prefix(user_id), OVERFLOW)))
    })
}

/// A tsquery, as text, that the keys of a user's vectors satisfy which have any of the terms.
pub fn any_of<'a>(user: Uuid, terms: impl Iterator<Item = &'a Term>) -> String {
    let prefix = prefix(user);
    let quoted = |lexeme: &[u8], is_prefix: bool| {
        let key = prefixed_lexeme(&prefix, lexeme);
        let key = String::from_utf8_lossy(&key).replace('\\', "\\\\").replace('\'', "''");
        format!("'{key}'{}", if is_prefix { ":*" } else { "" })
    };
    let mut keys: Vec<String> = terms.map(|term| quoted(&term.lexeme, term.is_prefix)).collect();
    keys.push(quoted(OVERFLOW, false));
    keys.join(" | ")
}

/// Eight characters that stand for a user. They are in the index: a change here needs every index made
/// anew. 48 bits of FNV-1a (Fowler, Noll, Vo) of the id.
fn prefix(user: Uuid) -> [u8; 8] {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in user.as_bytes() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    // The multiplication mixes upwards: the lowest bits are the least mixed.
    std::array::from_fn(|digit| DIGITS[(hash >> (16 + 6 * digit) & 63) as usize])
}
