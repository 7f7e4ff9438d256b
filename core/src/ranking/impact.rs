//! How much a term of a text can add to its score, whatever the query: known when the text is written,
//! so that an index can have texts by it, and a search need not look at those that can't be among the
//! best. The idea is that of impact-ordered and block-max indexes (V. Anh, A. Moffat, "Pruned Query
//! Evaluation Using Pre-Computed Impacts", 2006; S. Ding, T. Suel, "Faster Top-k Document Retrieval
//! Using Block-Max Indexes", 2011).
//!
//! A term of frequency f in a text of w words adds f / (f + c + d·w) of the most that it can add, where
//! c and d follow from BM25's constants and the average length of the texts. Levels are steps of
//! f / (c + d·w) for the usual constants and an average of 128 words; what a level says for other
//! constants, and other averages, follows from that: see [`Scale::upper_bound`]. That is the less precise, the
//! farther they are: for texts of average length by a quarter where that is long, by two thirds where
//! it is 64.

use super::bm25::Scale;
use super::terms::Frequency;

/// How many levels there are, from 0.
pub const LEVELS: u8 = 12;

/// c and d, for k1 1.2, b 0.75 and an average of 128 words. Whoever changes them, or the levels, has to
/// have every index made anew.
pub(super) const NEAR: f64 = 0.3;
pub(super) const FAR: f64 = 0.9 / 128.0;

/// The level of a term of this frequency in a text of so many words.
pub fn level(frequency: Frequency, words: u64) -> u8 {
    let ratio = frequency.weighted() / (NEAR + FAR * words as f64);
    (0..LEVELS - 1).find(|level| ratio < end(*level)).unwrap_or(LEVELS - 1)
}

/// The ratio at which a level ends; the last one does not.
fn end(level: u8) -> f64 {
    const ENDS: [f64; LEVELS as usize - 1] = {
        const ROOT: f64 = std::f64::consts::SQRT_2;
        [0.5, ROOT / 2.0, 1.0, ROOT, 2.0, 2.0 * ROOT, 4.0, 4.0 * ROOT, 8.0, 16.0, 32.0]
    };
    ENDS.get(usize::from(level)).copied().unwrap_or(f64::INFINITY)
}

impl Scale {
    /// What a term of this level adds to a score, at most, in a text without a name that has it, too.
    pub fn upper_bound(&self, term: usize, level: u8) -> f64 {
        let (near, far) = self.norm();
        // f < e·(c + d·w), and f / (f + c' + d'·w) grows with f; the quotient of the two norms lies
        // between those of their parts.
        let part = 1.0 / (1.0 + (near / NEAR).min(far / FAR) / end(level));
        self.idf(term) * self.ceiling() * part
    }
}
