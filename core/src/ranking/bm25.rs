//! Okapi BM25: relevance of a text to the terms of a query.

use super::terms::{Frequency, Pair};
use std::fmt;

/// Saturation of words that a query repeats: k3 of BM25. A word that the query has twice weighs 1.8
/// times as much, and never more than 9 times.
const K3: f64 = 8.0;

/// Weight of two words that stand together as in the query, beside that of the more frequent one. Fixed
/// proximity weights of this size do well over many collections (D. Metzler, W. Croft, "A Markov Random
/// Field Model for Term Dependencies", 2005: .85 for words, .10 for ordered pairs).
const TOGETHER: f64 = 0.2;

/// Constants of BM25.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameters {
    k1: f64,
    b: f64,
}

/// Error: constant out of range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum UnfitParameter {
    K1(f64),
    B(f64),
}

impl fmt::Display for UnfitParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::K1(k1) => write!(f, "k1 must be from 0: {k1}"),
            Self::B(b) => write!(f, "b must be from 0 to 1: {b}"),
        }
    }
}

impl std::error::Error for UnfitParameter {}

impl Parameters {
    /// `k1`, at least 0, is the weight of repeated occurrences. `b`, from 0 to 1, is the penalty
    /// for long texts.
    pub fn new(k1: f64, b: f64) -> Result<Self, UnfitParameter> {
        if !(0.0..f64::INFINITY).contains(&k1) {
            return Err(UnfitParameter::K1(k1));
        }
        if !(0.0..=1.0).contains(&b) {
            return Err(UnfitParameter::B(b));
        }
        Ok(Self { k1, b })
    }
}

/// Collection of texts that are ranked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Collection {
    /// Number of texts.
    pub texts: u64,
    /// Length of all texts together, in words.
    pub words: u64,
}

/// Weights of a query's terms in one collection.
#[derive(Clone, Debug)]
pub struct Scale {
    parameters: Parameters,
    average: f64,
    /// Weight of each term: its inverse document frequency, times the weight of its repetitions in
    /// the query.
    weights: Vec<f64>,
}

impl Scale {
    /// `found_in` has the number of texts with each term, `counts` the number of times that the query
    /// has it.
    pub fn new(
        parameters: Parameters,
        collection: Collection,
        found_in: &[u64],
        counts: &[u32],
        pairs: &[Pair],
    ) -> Self {
        // Counts are taken at different moments of a transaction, so a term's count can exceed the
        // number of texts.
        let texts = found_in.iter().copied().fold(collection.texts.max(1), u64::max) as f64;
        let idf = |found_in: u64| {
            let found_in = found_in as f64;
            (1.0 + (texts - found_in + 0.5) / (found_in + 0.5)).ln()
        };
        let mut weights: Vec<f64> = found_in
            .iter()
            .zip(counts)
            .map(|(found_in, count)| idf(*found_in) * repetition(*count))
            .collect();
        let weight = |term: u16| weights.get(usize::from(term)).copied().unwrap_or(0.0);
        let of_pairs: Vec<f64> = pairs
            .iter()
            .map(|pair| TOGETHER * weight(pair.first).min(weight(pair.second)))
            .collect();
        weights.extend(of_pairs);
        Self { parameters, average: (collection.words as f64 / texts).max(1.0), weights }
    }

    /// Weight of a term: high for a rare term, and for one that the query repeats.
    pub fn weight(&self, term: usize) -> f64 {
        self.weights.get(term).copied().unwrap_or(0.0)
    }

    /// Length norm of a text, added to a frequency in the denominator: a constant, and an amount
    /// for each word of the text.
    fn norm(&self) -> (f64, f64) {
        let Parameters { k1, b } = self.parameters;
        (k1 * (1.0 - b), k1 * b / self.average)
    }

    /// Upper bound of a term's score for each unit of its idf.
    fn ceiling(&self) -> f64 {
        self.parameters.k1 + 1.0
    }

    /// Score of a text of `words` words. `found` has each of its terms once.
    pub fn score(&self, words: u64, found: impl IntoIterator<Item = (usize, Frequency)>) -> f64 {
        let (base, per_word) = self.norm();
        let norm = base + per_word * words as f64;
        let term = |(term, frequency): (usize, Frequency)| {
            let frequency = frequency.weighted();
            self.weight(term) * frequency * self.ceiling() / (frequency + norm)
        };
        found.into_iter().map(term).sum()
    }
}

/// Weight of a term that a query has `count` times: 1 if it has it once.
fn repetition(count: u32) -> f64 {
    let count = f64::from(count);
    (K3 + 1.0) * count / (K3 + count)
}
