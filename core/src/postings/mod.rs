//! Postings: which texts have a lexeme, and at which positions.
//!
//! Postings are kept in segments, as in a log-structured merge tree (P. O'Neil and others, 1996) or in Lucene. A
//! segment is never changed: a change of texts makes another one, with the texts that it adds and the [`Key`]s of
//! those that it removes. Segments add up, in any order: the sum of a text and of its removal is empty. So
//! writers need not wait for each other, and a reader has exactly the texts whose changes it sees.
//!
//! A segment is stored as bytes, in parts that are read by themselves:
//!
//! | part | content |
//! |---|---|
//! | header | eight `u32`: numbers of texts and of removed keys, where the parts after the texts begin, the end |
//! | texts | 50 bytes each: [`Key`], document, words, title_words, first and last position of the content |
//! | removed | 24 bytes each: [`Key`] |
//! | heads | first lexeme of each block of the dictionary, and the block's sizes |
//! | dictionary | lexemes in order, front-coded, each with the size of its postings |
//! | postings | for each lexeme, its texts in order, with the positions in each |
//!
//! Numbers of the last three parts are in groups of seven bits, lowest first. A posting is the distance from the
//! text before, times two, plus 1 if the text has the lexeme at one position without a weight, which follows.
//! Otherwise the number of positions follows, times two, plus 1 if any has a weight, and the distances between
//! them: with weights, times four, plus the weight.

mod builder;
mod format;
mod matches;
mod segment;
mod sum;

pub use builder::Builder;
pub use format::{Key, Malformed, Text};
pub use matches::{MatchedText, Matches};
pub use segment::{Segment, Source};
pub use sum::{Sum, sum};
