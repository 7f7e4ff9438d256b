//! Fuzz targets. Each makes its input from the bytes and panics with that input if an invariant
//! fails. Bytes that make no input are skipped.

mod chunking;
mod documents;
mod numbers;
mod search;
mod tokens;
mod words;

use arbitrary::{Result, Unstructured};

pub use chunking::{chunks, pages};
pub use documents::{claims, patches, prices};
pub use numbers::{days, matches, months, transitions};
pub use search::{assembled, postings, queries, vectors};
pub use tokens::tokens;
pub use words::{analyses, vocabularies};

pub type Target = fn(&mut Unstructured) -> Result<()>;
