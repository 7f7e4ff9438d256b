//! Ranked search: parsing a query into terms, finding them in a text's vector, and scoring the
//! text.
//!
//! The score is Okapi BM25 (S. Robertson, H. Zaragoza, "The Probabilistic Relevance Framework: BM25
//! and Beyond", 2009) with Lucene's idf, which is never negative. Fields are weighted as in BM25F:
//! the weight of a title is added to a term's frequency before it saturates.

mod bm25;
mod fusion;
mod query;
mod snippet;
mod terms;
mod title;

pub use bm25::{Collection, Parameters, Scale, UnfitParameter};
pub use fusion::Fusion;
pub use query::{QueryPart, QueryPartKind, parts};
pub use snippet::{Highlight, phrase_shown, snippet};
pub use terms::{
    Frequency, Lexeme, Pair, Phrase, PhraseEdge, PhraseEdges, PhraseMatches, PhrasePosition, Query,
    QueryWord, Term, TermSet, TypedWord,
};
pub use title::leading_title;
