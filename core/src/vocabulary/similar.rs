//! Words that a word may be a typo of.

use super::with_unaccented;
use rapidfuzz::distance::osa::{Args, BatchComparator};

/// Number of letters from which one edit is taken for a typo.
const ONE_EDIT_FROM: usize = 5;
/// Number of letters from which two edits are.
const TWO_EDITS_FROM: usize = 9;

/// Comparison with a word that may be mistyped.
///
/// An edit adds, leaves out or changes a letter, or swaps two neighbours: optimal string alignment
/// distance (H. Hyyrö, "Bit-Parallel Approximate String Matching Algorithms with Transposition", 2003).
pub struct SimilarTo {
    comparator: BatchComparator<char>,
    letters: usize,
    max_edits: usize,
}

impl SimilarTo {
    /// None for words that are not compared: those with fewer than five letters, or with digits or signs.
    pub fn new(word: &str) -> Option<Self> {
        let letters = word.chars().count();
        let max_edits = match letters {
            ..ONE_EDIT_FROM => return None,
            ONE_EDIT_FROM..TWO_EDITS_FROM => 1,
            TWO_EDITS_FROM.. => 2,
        };
        let comparator = BatchComparator::new(word.chars());
        word.chars().all(char::is_alphabetic).then_some(Self { comparator, letters, max_edits })
    }

    /// Number of edits between the words, accents left out or not; None if they are too many for a typo.
    pub fn edits(&self, other: &str) -> Option<usize> {
        let unaccented = with_unaccented(other, |other| self.edits_as_written(other));
        [self.edits_as_written(other), unaccented].into_iter().flatten().min()
    }

    fn edits_as_written(&self, other: &str) -> Option<usize> {
        // A letter has at most four bytes.
        if other.len() + self.max_edits < self.letters
            || other.len() > 4 * (self.letters + self.max_edits)
            || other.chars().count().abs_diff(self.letters) > self.max_edits
        {
            return None;
        }
        let within = Args::default().score_cutoff(self.max_edits);
        self.comparator.distance_with_args(other.chars(), &within)
    }
}
