//! Vocabularies: the words of texts as written, each with the number of texts that have it.
//!
//! Lexemes are not enough for what people type: `organi*` begins `organization`, whose lexeme is
//! `organ`, and a typo has to be compared with words, not with stems.
//!
//! A vocabulary is stored as bytes: its words in order, front-coded (I. Witten, A. Moffat, T. Bell,
//! "Managing Gigabytes", 1999). An entry is the number of bytes that the word shares with the word
//! before it (`u8`), the number of its further bytes (`u8`), these bytes, and the number of texts:
//! zigzag-encoded, so that it may be negative, in groups of seven bits, lowest first. Vocabularies add
//! up, as the changes that they record do: the sum of a text's and of its removal is empty.

mod beginning;
mod format;
mod likeness;
mod similar;
mod walk;

pub use beginning::Beginning;
pub use format::{Malformed, encode, for_each, sum};
pub use likeness::{LikeWord, Likeness};
pub use similar::SimilarTo;
pub use walk::{Pattern, walk};

use crate::text::{Role, Variant, Word, analyze};
use hashbrown::HashMap;

/// Longest word of a vocabulary, in bytes. What is longer is not typed.
pub const MAX_WORD: usize = 64;

/// Changes to the number of texts with each word.
#[derive(Debug, Default)]
pub struct Changes {
    words: HashMap<Box<str>, Change, ahash::RandomState>,
    /// Number of the text that is counted.
    text: u64,
}

#[derive(Debug)]
struct Change {
    texts: i64,
    /// Number of the last text that was counted.
    last: u64,
}

impl Changes {
    /// Counts a text's words, each once: `by` is 1 for a new text, -1 for a removed one. Calls `tick` as
    /// [`analyze`] does.
    pub fn count(&mut self, text: &str, by: i64, tick: impl FnMut()) {
        self.text += 1;
        let (words, number) = (&mut self.words, self.text);
        analyze(text, tick, |word| {
            if !is_of_vocabulary(&word) {
                return;
            }
            let change = match words.get_mut(word.form) {
                Some(change) => change,
                None => words.entry(word.form.into()).or_insert(Change { texts: 0, last: 0 }),
            };
            if change.last != number {
                change.last = number;
                change.texts += by;
            }
        });
    }

    /// Number of words.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// True if there are no words.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Encodes the words whose numbers of texts change.
    pub fn encode(self) -> Vec<u8> {
        let mut words: Vec<(Box<str>, i64)> =
            self.words.into_iter().map(|(word, change)| (word, change.texts)).collect();
        words.retain(|(_, texts)| *texts != 0);
        words.sort_unstable();
        encode(words.iter().map(|(word, texts)| (&**word, *texts)))
    }
}

/// True if a text has a word with a beginning. Calls `tick` as [`analyze`] does.
pub fn has_word_with(text: &str, beginning: &Beginning, tick: impl FnMut()) -> bool {
    if beginning.is_after_blank(text) {
        return true;
    }
    let mut has_any = false;
    analyze(text, tick, |word| {
        has_any = has_any || is_of_vocabulary(&word) && beginning.is_of(word.form);
    });
    has_any
}

/// True for the words of a vocabulary: all but those that only group parts of a compound, forms without
/// accents, which follow from the word, and very long ones.
fn is_of_vocabulary(word: &Word) -> bool {
    word.role != Role::Group && word.variant != Variant::Unaccented && word.form.len() <= MAX_WORD
}
