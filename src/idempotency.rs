//! Hash of a call's arguments: tells a retry of an idempotency key from a different call with the
//! key.

use sha2::{Digest, Sha256};

/// SHA-256 over the given arguments: name, length in eight bytes (little-endian) and text of each.
pub fn hash<'a>(fields: impl IntoIterator<Item = (&'a str, Option<String>)>) -> Vec<u8> {
    let mut hash = Sha256::new();
    for (name, value) in fields {
        let Some(value) = value else { continue };
        hash.update(name);
        hash.update((value.len() as u64).to_le_bytes());
        hash.update(value);
    }
    hash.finalize().to_vec()
}
