//! Words of a text for search: the analyzer.
//!
//! A text becomes words in four steps:
//!
//! 1. The scanner finds plain ASCII words and gives them at once. Everything else is read in stretches
//!    without blanks (`scanner`).
//! 2. A stretch is normalised if it has to be (`normal`): NFKC (UAX #15), without default-ignorable
//!    characters, hyphens and apostrophes as ASCII.
//! 3. The `lexer` cuts it: words by UAX #29 (unicode-segmentation); Chinese, Japanese, Thai, Lao, Khmer
//!    and Burmese by dictionaries (ICU4X, `unspaced`); emojis; words joined by signs as a whole and in
//!    parts (`joiners`, `numbers`, `pieces`, `compound`); web addresses (`addresses`).
//! 4. The `output` folds case (full folding, without a locale), adds variants (`accents`, `korean`) and
//!    finds the offsets in the text as written.
//!
//! [`analyze`] promises, for any text:
//!
//! 1. A word's form is what [`normalize`] gives for the text between the word's offsets. Exceptions:
//!    variants, numbers with thousands separators (`1,234` is `1234`), and characters that stand for
//!    several words (`½`) or share a grapheme cluster with them: their words have the offsets of the
//!    whole cluster.
//! 2. Offsets are bytes of the text as written, on boundaries of characters.
//! 3. Words come in the order of their positions, from 1 without a gap. A compound (`path/to/file.ext`)
//!    stands at the position of its first part, before it; its parts have consecutive positions, and the
//!    next word follows the last part. So phrases match over parts, and a compound matches as a whole.
//! 4. Plain words, hyphenated ones and their parts have the kinds that PostgreSQL's default parser gives
//!    them. Words with an apostrophe, of which it gives the parts only, are whole too.
//! 5. No form is longer than [`MAX_WORD`] bytes. A longer run of letters is cut after that many
//!    bytes, a longer compound is given in parts only.
//! 6. Time is linear in the text. Memory is constant: a stretch has at most 4 KiB.
//! 7. A blank or line break always ends a word, so lines can be analysed apart.
//!
//! Sources: UAX #15 and UAX #29, UAX #44 (NFKC_Casefold), PostgreSQL's `wparser_def.c` for the kinds,
//! Lucene's ASCIIFoldingFilter for letters without a decomposition.

mod accents;
mod addresses;
mod classes;
mod compound;
mod joiners;
mod kind;
mod korean;
mod lexer;
mod normal;
mod numbers;
mod output;
mod pieces;
mod scanner;
mod unspaced;
mod word;

pub use accents::{Letters, Unaccenter, unaccented};
pub use kind::Kind;
pub use normal::normalize;
pub use word::{MAX_WORD, Role, Variant, Word};

use scanner::Scanner;

/// Version of the analyzer: another one may give other words, forms, kinds or positions for some text.
///
/// Raised by any such change here, and by a new version of a crate with Unicode's tables or
/// dictionaries (unicode-segmentation, icu_*), which are pinned. Not by changes of speed or offsets.
/// Version 1: unicode-segmentation 1.13, ICU4X 2.4.
pub const VERSION: u32 = 1;

/// Calls `word` for each word of a text, in order.
///
/// Calls `tick` at least every 64 KiB of the text, which take some 10 ms in the slowest script. The
/// tick may unwind, for a cancel.
pub fn analyze(text: &str, tick: impl FnMut(), word: impl FnMut(Word)) {
    Scanner::new(text, tick, word).run();
}
