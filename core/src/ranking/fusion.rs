//! Reciprocal rank fusion: one ranking out of two (G. Cormack, C. Clarke, S. Büttcher, "Reciprocal
//! Rank Fusion outperforms Condorcet and individual Rank Learning Methods", 2009). Scores of
//! different kinds cannot be added; ranks can.

/// Constant of the paper. A greater constant makes the first ranks more alike.
const K: f64 = 60.0;

/// Score of a rank in one ranking, from 0 for the first, with the weight of that ranking.
pub fn reciprocal_rank(rank: usize, weight: f64) -> f64 {
    weight / (K + 1.0 + rank as f64)
}
