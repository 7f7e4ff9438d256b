//! Impact of a term in a text: an upper bound of the score it adds, for any query.
//!
//! The impact is known when the text is written. An index can order texts by it, and a search can
//! skip texts that cannot be among the best. This is the idea of impact-ordered and block-max
//! indexes (V. Anh, A. Moffat, "Pruned Query Evaluation Using Pre-Computed Impacts", 2006; S. Ding,
//! T. Suel, "Faster Top-k Document Retrieval Using Block-Max Indexes", 2011).
//!
//! A term of frequency f in a text of w words adds f / (f + c + d·w) of its maximal score, where c
//! and d follow from BM25's constants and the average length of the texts. Levels are steps of f /
//! (c + d·w) for the usual constants and an average of 128 words. [`Scale::upper_bound`] converts a
//! level to other constants and averages. The bound is less tight the more they differ: for texts
//! of average length it is too high by a quarter if the average is great, by two thirds if it is
//! 64.

use super::bm25::Scale;
use super::terms::Frequency;

/// Number of levels, from 0.
pub const LEVELS: u8 = 12;

/// c and d, for k1 1.2, b 0.75 and an average of 128 words. A change of these or of the levels
/// requires a rebuild of every index.
pub(super) const NORM_BASE: f64 = 0.3;
pub(super) const NORM_PER_WORD: f64 = 0.9 / 128.0;

/// Level of a term with this frequency in a text of `words` words.
pub fn level(frequency: Frequency, words: u64) -> u8 {
    let ratio = frequency.weighted() / (NORM_BASE + NORM_PER_WORD * words as f64);
    (0..LEVELS - 1).find(|level| ratio < end(*level)).unwrap_or(LEVELS - 1)
}

/// Ratio at which a level ends. The last level has no end.
fn end(level: u8) -> f64 {
    const ENDS: [f64; LEVELS as usize - 1] = {
        const ROOT: f64 = std::f64::consts::SQRT_2;
        [0.5, ROOT / 2.0, 1.0, ROOT, 2.0, 2.0 * ROOT, 4.0, 4.0 * ROOT, 8.0, 16.0, 32.0]
    };
    ENDS.get(usize::from(level)).copied().unwrap_or(f64::INFINITY)
}

impl Scale {
    /// Upper bound of the score of a term with this level, for a text without a name that has the
    /// term.
    pub fn upper_bound(&self, term: usize, level: u8) -> f64 {
        let (base, per_word) = self.norm();
        // f < e·(c + d·w), and f / (f + c' + d'·w) grows with f. The quotient of the two norms lies
        // between the quotients of their parts.
        let part = 1.0 / (1.0 + (base / NORM_BASE).min(per_word / NORM_PER_WORD) / end(level));
        self.weight(term) * self.ceiling() * part
    }
}
