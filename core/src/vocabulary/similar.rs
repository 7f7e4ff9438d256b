//! Words that a word may be a typo of.

use super::walk::{Pattern, match_word};
use crate::text::{Letters, Unaccenter};
use smallvec::SmallVec;

/// Number of letters from which one edit is taken for a typo.
const ONE_EDIT_FROM: usize = 5;
/// Number of letters from which two edits are.
const TWO_EDITS_FROM: usize = 9;
/// Number of letters from which words are not compared.
const TOO_LONG: usize = 64;

/// Comparison with a word that may be mistyped. Accents are left out on both sides.
///
/// An edit adds, leaves out or changes a letter, or swaps two neighbours: optimal string alignment
/// distance, with the table's rows kept for each beginning (R. Wagner, M. Fischer, "The String-to-String
/// Correction Problem", 1974; R. Lowrance, R. Wagner, 1975, for swaps).
#[derive(Clone, Debug)]
pub struct SimilarTo {
    letters: Vec<char>,
    max_edits: u8,
}

impl SimilarTo {
    /// None for words that are not compared: those with fewer than five letters, or with digits or signs.
    pub fn new(word: &str) -> Option<Self> {
        let max_edits = match word.chars().count() {
            ONE_EDIT_FROM..TWO_EDITS_FROM => 1,
            TWO_EDITS_FROM..TOO_LONG => 2,
            _ => return None,
        };
        let mut letters = Vec::new();
        let mut unaccenter = Unaccenter::default();
        for c in word.chars() {
            each_letter(&mut unaccenter, c, |letter| letters.push(letter));
        }
        word.chars().all(char::is_alphabetic).then_some(Self { letters, max_edits })
    }

    /// Number of edits between the words; None if they are too many for a typo.
    pub fn edits(&self, other: &str) -> Option<usize> {
        match_word(other, self)
    }

    /// Row of the table for one more letter.
    fn next_row(&self, state: &mut Rows, letter: char) {
        let mut row: Row = SmallVec::with_capacity(state.row.len());
        row.push(state.row[0].saturating_add(1));
        for (at, wanted) in self.letters.iter().enumerate() {
            let changed = state.row[at] + u8::from(*wanted != letter);
            let mut least = changed.min(state.row[at + 1] + 1).min(row[at] + 1);
            let is_swapped = at > 0
                && state.last == Some(*wanted)
                && self.letters[at - 1] == letter
                && !state.before.is_empty();
            if is_swapped {
                least = least.min(state.before[at - 1] + 1);
            }
            row.push(least);
        }
        state.before = std::mem::replace(&mut state.row, row);
        state.last = Some(letter);
    }
}

/// Edits between a beginning of a word and each beginning of the mistyped one.
type Row = SmallVec<[u8; 24]>;

/// Last two rows of the table.
#[derive(Clone)]
pub struct Rows {
    row: Row,
    /// Row before; empty at the beginning.
    before: Row,
    last: Option<char>,
    unaccenter: Unaccenter,
}

impl Pattern for SimilarTo {
    type State = Rows;
    type Match = usize;

    fn start(&self) -> Rows {
        // Fewer than 256 letters, even where one character stands for several.
        let row = (0..=self.letters.len()).map(|at| u8::try_from(at).unwrap_or(u8::MAX)).collect();
        Rows { row, before: Row::new(), last: None, unaccenter: Unaccenter::default() }
    }

    fn next(&self, state: &Rows, c: char) -> Option<Rows> {
        let mut next = state.clone();
        let mut unaccenter = state.unaccenter;
        each_letter(&mut unaccenter, c, |letter| self.next_row(&mut next, letter));
        next.unaccenter = unaccenter;
        next.row.iter().any(|edits| *edits <= self.max_edits).then_some(next)
    }

    fn end(&self, state: &Rows) -> Option<usize> {
        let edits = state.row.last().copied()?;
        (edits <= self.max_edits).then_some(edits.into())
    }
}

fn each_letter(unaccenter: &mut Unaccenter, c: char, mut each: impl FnMut(char)) {
    match unaccenter.next(c) {
        Letters::None => {}
        Letters::One(letter) => each(letter),
        Letters::Many(letters) => letters.chars().for_each(each),
    }
}
