//! How good a ranking is, by the first ten of it, as BEIR and trec_eval measure it.

use std::collections::HashMap;
use std::iter::Sum;
use std::ops::{Add, Div};

/// How many of a ranking count.
pub const DEPTH: usize = 10;

/// The grades of a query's documents; 0 and what is not judged are not relevant.
pub type Judgements = HashMap<String, u32>;

#[derive(Clone, Copy, Debug, Default)]
pub struct Relevance {
    /// The gain of a document is 2^grade - 1, discounted by the logarithm of its rank, and set beside
    /// that of the best ranking there is.
    pub ndcg: f64,
    /// One by the rank of the first relevant document.
    pub mrr: f64,
    /// The share of the relevant documents that is there.
    pub recall: f64,
}

impl Relevance {
    /// Of documents, best first, each of them once. At least one document is judged relevant.
    pub fn of(ranking: &[String], judgements: &Judgements) -> Self {
        let grade = |document: &String| judgements.get(document).copied().unwrap_or(0);
        let grades: Vec<u32> = ranking.iter().take(DEPTH).map(grade).collect();
        let mut ideal: Vec<u32> = judgements.values().copied().filter(|grade| *grade > 0).collect();
        let relevant = ideal.len() as f64;
        ideal.sort_unstable_by(|a, b| b.cmp(a));
        ideal.truncate(DEPTH);
        let first = grades.iter().position(|grade| *grade > 0);
        Self {
            ndcg: gain(&grades) / gain(&ideal),
            mrr: first.map_or(0.0, |place| 1.0 / (place + 1) as f64),
            recall: grades.iter().filter(|grade| **grade > 0).count() as f64 / relevant,
        }
    }
}

fn gain(grades: &[u32]) -> f64 {
    let ranks = 1..;
    grades
        .iter()
        .zip(ranks)
        .map(|(grade, rank)| (f64::from(*grade).exp2() - 1.0) / f64::from(rank + 1).log2())
        .sum()
}

impl Add for Relevance {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            ndcg: self.ndcg + other.ndcg,
            mrr: self.mrr + other.mrr,
            recall: self.recall + other.recall,
        }
    }
}

impl Sum for Relevance {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

impl Div<f64> for Relevance {
    type Output = Self;
    fn div(self, by: f64) -> Self {
        Self { ndcg: self.ndcg / by, mrr: self.mrr / by, recall: self.recall / by }
    }
}

#[cfg(test)]
mod tests {
    use super::{Judgements, Relevance};

    fn ranking(documents: &str) -> Vec<String> {
        documents.split(' ').map(String::from).collect()
    }

    #[test]
    fn the_ideal_ranking_has_all_there_is() {
        let judgements = Judgements::from([("a".into(), 2), ("b".into(), 1), ("c".into(), 0)]);
        let best = Relevance::of(&ranking("a b c"), &judgements);
        assert_eq!((best.ndcg, best.mrr, best.recall), (1.0, 1.0, 1.0));
    }

    #[test]
    fn grades_gain_by_powers_of_two_and_lose_by_rank() {
        let judgements = Judgements::from([("a".into(), 2), ("b".into(), 1)]);
        let ideal = 3.0 + 1.0 / 3f64.log2();
        let found = Relevance::of(&ranking("x b x a"), &judgements);
        assert_eq!(found.ndcg, (1.0 / 3f64.log2() + 3.0 / 5f64.log2()) / ideal);
        assert_eq!((found.mrr, found.recall), (0.5, 1.0));
    }

    #[test]
    fn what_comes_after_the_tenth_does_not_count() {
        let judgements = Judgements::from([("a".into(), 1)]);
        let found = Relevance::of(&ranking("x x x x x x x x x x a"), &judgements);
        assert_eq!((found.ndcg, found.mrr, found.recall), (0.0, 0.0, 0.0));
    }
}
