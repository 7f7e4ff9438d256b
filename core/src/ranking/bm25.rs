//! Okapi BM25: how much the terms of a query say about a text.

use super::terms::Frequency;
use std::fmt;

/// The two constants of BM25.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameters {
    k1: f64,
    b: f64,
}

/// A constant that BM25 has no meaning for.
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
    /// `k1`, from 0: how much it counts that a term occurs again. `b`, from 0 to 1: how much a long
    /// text's terms count less.
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

/// The texts that a text is one of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Collection {
    /// How many there are.
    pub texts: u64,
    /// The length of all of them together, in words.
    pub words: u64,
}

/// How the terms of one query weigh in one collection.
#[derive(Clone, Debug)]
pub struct Scale {
    parameters: Parameters,
    average: f64,
    /// The inverse document frequency of each term.
    idf: Vec<f64>,
}

impl Scale {
    /// `found_in` says for each term in how many texts it is.
    pub fn new(parameters: Parameters, collection: Collection, found_in: &[u64]) -> Self {
        // Counts are taken at different moments of a transaction's work: a term is in no more texts
        // than there are.
        let texts = found_in.iter().copied().fold(collection.texts.max(1), u64::max) as f64;
        let idf = |found_in: u64| {
            let found_in = found_in as f64;
            (1.0 + (texts - found_in + 0.5) / (found_in + 0.5)).ln()
        };
        Self {
            parameters,
            average: (collection.words as f64 / texts).max(1.0),
            idf: found_in.iter().map(|count| idf(*count)).collect(),
        }
    }

    /// How rare a term is.
    pub fn idf(&self, term: usize) -> f64 {
        self.idf.get(term).copied().unwrap_or(0.0)
    }

    /// What is added to a frequency before it divides itself: once, and for each word of the text.
    pub(super) fn norm(&self) -> (f64, f64) {
        let Parameters { k1, b } = self.parameters;
        (k1 * (1.0 - b), k1 * b / self.average)
    }

    /// What a term adds to a score, at most, for each unit of its idf.
    pub(super) fn ceiling(&self) -> f64 {
        self.parameters.k1 + 1.0
    }

    /// The score of a text of so many words with these terms, each once.
    pub fn score(&self, words: u64, found: impl IntoIterator<Item = (usize, Frequency)>) -> f64 {
        let (near, far) = self.norm();
        let norm = near + far * words as f64;
        let term = |(term, frequency): (usize, Frequency)| {
            let frequency = frequency.weighted();
            self.idf(term) * frequency * self.ceiling() / (frequency + norm)
        };
        found.into_iter().map(term).sum()
    }
}
