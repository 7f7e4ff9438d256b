//! Weighted sum of two scores: BM25 of words, and the cosine of embeddings.
//!
//! Each is brought to a scale on which 1 is as good as can be (E. Fox, J. Shaw, "Combination of Multiple
//! Searches", 1994; S. Bruch, S. Gai, A. Ingber, "An Analysis of Fusion Functions for Hybrid
//! Retrieval", 2023, on why sums lose less than ranks). BM25 is divided by the best score of the query. Of the
//! cosine, only what exceeds the usual one of the user's chunks counts: models differ in the cosine
//! that unrelated texts have, and embeddings that say nothing are all near it, so they change nothing.

/// Scales and weights for the scores of one query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fusion {
    pub words_weight: f64,
    pub embeddings_weight: f64,
    /// Best BM25 score of any chunk.
    pub best_words: f64,
    /// Average cosine of the query and the chunks.
    pub usual_cosine: f64,
}

impl Fusion {
    /// Share of a BM25 score in the sum.
    pub fn words(&self, score: f64) -> f64 {
        if self.best_words > 0.0 { self.words_weight * score / self.best_words } else { 0.0 }
    }

    /// Share of a cosine in the sum. Negative for a chunk that is farther than usual.
    pub fn embedding(&self, cosine: f64) -> f64 {
        let room = 1.0 - self.usual_cosine;
        if room > f64::EPSILON {
            self.embeddings_weight * (cosine - self.usual_cosine) / room
        } else {
            0.0
        }
    }
}
