//! Words that begin with a text.

use super::walk::{Pattern, match_word};
use crate::text::{Letters, Unaccenter};
use memchr::memchr2_iter;

/// Beginning of words, as written or without their accents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beginning(Box<str>);

impl Beginning {
    /// `text` is normalised.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// True if a word has this beginning.
    pub fn is_of(&self, word: &str) -> bool {
        match_word(word, self).is_some()
    }

    /// True if the beginning is plain ASCII and stands in a text after a blank: there a word begins. Far
    /// faster than finding all words, which have to be found where this is false.
    pub(super) fn is_after_blank(&self, text: &str) -> bool {
        let (beginning, text) = (self.0.as_bytes(), text.as_bytes());
        let Some(first) =
            beginning.first().filter(|_| beginning.iter().all(u8::is_ascii_alphanumeric))
        else {
            return false;
        };
        memchr2_iter(*first, first.to_ascii_uppercase(), text).any(|at| {
            (at == 0 || text[at - 1].is_ascii_whitespace())
                && text[at..]
                    .get(..beginning.len())
                    .is_some_and(|word| word.eq_ignore_ascii_case(beginning))
        })
    }

    /// Bytes of the beginning once some letters follow `matched` bytes of it. None if these are others.
    fn after(&self, matched: usize, letters: &str) -> Option<usize> {
        let rest = &self.0[matched..];
        if rest.len() <= letters.len() {
            return letters.starts_with(rest).then_some(self.0.len());
        }
        rest.starts_with(letters).then_some(matched + letters.len())
    }

    fn is_whole(&self, matched: Option<usize>) -> bool {
        matched == Some(self.0.len())
    }
}

/// Bytes of the beginning that a word has. None: it has another letter.
#[derive(Clone, Copy)]
pub struct Matched {
    as_written: Option<usize>,
    unaccented: Option<usize>,
    unaccenter: Unaccenter,
}

impl Pattern for Beginning {
    type State = Matched;
    type Match = ();

    fn start(&self) -> Matched {
        let unaccenter = Unaccenter::default();
        Matched { as_written: Some(0), unaccented: Some(0), unaccenter }
    }

    fn next(&self, state: &Matched, c: char) -> Option<Matched> {
        let mut next = *state;
        if self.end(state).is_some() {
            return Some(next);
        }
        let mut buffer = [0; 4];
        let after = |matched: Option<usize>, letters: &str| {
            matched.and_then(|matched| self.after(matched, letters))
        };
        next.as_written = after(state.as_written, c.encode_utf8(&mut buffer));
        next.unaccented = match next.unaccenter.next(c) {
            Letters::None => state.unaccented,
            Letters::One(letter) => after(state.unaccented, letter.encode_utf8(&mut buffer)),
            Letters::Many(letters) => after(state.unaccented, letters),
        };
        (next.as_written.is_some() || next.unaccented.is_some()).then_some(next)
    }

    fn end(&self, state: &Matched) -> Option<()> {
        (self.is_whole(state.as_written) || self.is_whole(state.unaccented)).then_some(())
    }
}
