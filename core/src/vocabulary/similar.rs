//! Words that a word may be a typo of.

use super::walk::{Pattern, match_word};
use crate::text::{Letters, Unaccenter, unaccented};
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
        let letters = unaccented(word).chars().collect();
        word.chars().all(char::is_alphabetic).then_some(Self { letters, max_edits })
    }

    /// Number of edits between the words; None if they are too many for a typo.
    pub fn edits(&self, other: &str) -> Option<usize> {
        match_word(other, self)
    }

    /// Rows of the table for one more letter. None if all of the new one are too many edits.
    fn next_rows(&self, rows: &Rows, letter: char, unaccenter: Unaccenter) -> Option<Rows> {
        let mut row: Row = SmallVec::with_capacity(rows.row.len());
        let (mut left, mut above_left) = (rows.row[0].saturating_add(1), rows.row[0]);
        let mut best = left;
        row.push(left);
        for (at, (wanted, above)) in self.letters.iter().zip(&rows.row[1..]).enumerate() {
            let changed = above_left + u8::from(*wanted != letter);
            let mut least = changed.min(above + 1).min(left + 1);
            // Two neighbours are swapped.
            if rows.last == Some(*wanted) && at > 0 && self.letters[at - 1] == letter {
                least = least.min(rows.before.get(at - 1).map_or(u8::MAX, |edits| edits + 1));
            }
            row.push(least);
            (left, above_left, best) = (least, *above, best.min(least));
        }
        let (before, last) = (rows.row.clone(), Some(letter));
        (best <= self.max_edits).then_some(Rows { row, before, last, unaccenter })
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
        let mut unaccenter = state.unaccenter;
        match unaccenter.next(c) {
            Letters::None => Some(Rows { unaccenter, ..state.clone() }),
            Letters::One(letter) => self.next_rows(state, letter, unaccenter),
            Letters::Many(letters) => letters
                .chars()
                .try_fold(state.clone(), |rows, letter| self.next_rows(&rows, letter, unaccenter)),
        }
    }

    fn end(&self, state: &Rows) -> Option<usize> {
        let edits = state.row.last().copied()?;
        (edits <= self.max_edits).then_some(edits.into())
    }
}
