//! One order out of two: reciprocal rank fusion (G. Cormack, C. Clarke, S. Büttcher, "Reciprocal Rank
//! Fusion outperforms Condorcet and individual Rank Learning Methods", 2009). Scores of different
//! kinds can't be added; places can.

/// The constant of the paper: how little the first places differ from each other.
const K: f64 = 60.0;

/// What a place in one of the orders is worth, from 0 for the first, where that order counts so much.
pub fn reciprocal_rank(place: usize, weight: f64) -> f64 {
    weight / (K + 1.0 + place as f64)
}
