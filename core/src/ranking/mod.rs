//! Ranked search: what a person typed, read into terms; a text's vector, read for those terms; and
//! how much they say about the text.
//!
//! The rank is Okapi BM25 (S. Robertson, H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and
//! Beyond", 2009) with the idf that never gets negative (Lucene's), over fields as in BM25F: what a
//! word weighs in a title is added to its frequency before that saturates.

mod bm25;
mod fusion;
mod impact;
mod query;
mod snippet;
mod terms;
mod title;

pub use bm25::{Collection, Parameters, Scale, UnfitParameter};
pub use fusion::reciprocal_rank;
pub use impact::{LEVELS, level};
pub use query::{Part, PartKind, parts};
pub use snippet::{Highlight, snippet};
pub use terms::{Frequency, Phrase, PhrasePosition, Query, Reading, Term};
pub use title::leading_title;
