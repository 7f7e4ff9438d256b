//! What tells a retry of an idempotency key from something else under the same key.

use sha2::{Digest, Sha256};

/// SHA-256 over the arguments that were given, each as its name, its length in eight bytes (the least first),
/// and its text.
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
