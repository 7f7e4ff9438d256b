//! Words of a text for search: the analyzer.
//!
//! [`analyze`] promises, for any text:
//!
//! 1. A word's form is normalised: NFKC, case folded without a locale, without default-ignorable
//!    characters. It is what [`normalize`] gives for the text between the word's offsets, but for
//!    variants, numbers with thousands separators, and characters that stand for several words.
//! 2. Offsets are bytes of the text as it was given, on boundaries of characters.
//! 3. Words come in the order of their positions. A compound (`path/to/file.ext`) stands at the
//!    position of its first part, before it; its parts have consecutive positions, and the next word
//!    follows the last part. So phrases match over parts, and a compound matches as a whole.
//! 4. Plain words, and hyphenated ones, are what PostgreSQL's default parser gives, with its types.
//! 5. No form is longer than [`MAX_WORD`] bytes. A longer run of letters is cut after that many
//!    bytes, a longer compound is given in parts only.
//! 6. Time is linear in the text; memory is constant.
//!
//! A plain ASCII word takes a short way (`scanner`). All else is read in stretches without blanks: a
//! stretch is normalised (`normal`) if it has to be, and read by the `lexer`: compounds of words and
//! joiners (`joiners`, `numbers`, `pieces`, `compound`), web addresses (`addresses`), scripts without
//! blanks (`unspaced`) and emojis. `output` folds case, adds variants (`accents`, `korean`) and finds
//! the offsets.

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

pub use kind::Kind;
pub use normal::normalize;
pub use word::{Role, Variant, Word};

use scanner::Scanner;

/// Version of the analyzer: another one may give other words, forms, kinds or positions for some text.
///
/// Raised by any such change here, and by a new version of a crate with Unicode's tables or
/// dictionaries (unicode-segmentation, icu_*), which are pinned. Not by changes of speed or offsets.
/// Version 1: Unicode 17.
pub const VERSION: u32 = 1;

/// Longest form of a word in bytes. PostgreSQL's lexemes are shorter than 2,047 bytes.
pub const MAX_WORD: usize = 2046;

/// Calls `word` for each word of a text, in order.
///
/// Calls `tick` at least every 64 KiB. It may unwind, for a cancel.
pub fn analyze(text: &str, tick: impl FnMut(), word: impl FnMut(Word)) {
    Scanner::new(text, tick, word).run();
}
