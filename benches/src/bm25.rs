//! Plain BM25 over whole texts, the textbook's: what ranking with all statistics at hand reaches.

use std::collections::HashMap;

const K1: f64 = 1.2;
const B: f64 = 0.75;

#[derive(Default)]
pub struct Bm25 {
    lengths: Vec<f64>,
    /// Of each lexeme, the texts that have it and how often they do.
    postings: HashMap<String, Vec<(usize, f64)>>,
}

impl Bm25 {
    /// Adds a text: its lexemes, each with the number of its positions. Texts are numbered from 0.
    pub fn add(&mut self, lexemes: impl IntoIterator<Item = (String, f64)>) {
        let text = self.lengths.len();
        let mut length = 0.0;
        for (lexeme, frequency) in lexemes {
            length += frequency;
            self.postings.entry(lexeme).or_default().push((text, frequency));
        }
        self.lengths.push(length);
    }

    /// The best `count` texts that have any of the lexemes; ties in the order of the texts.
    pub fn search<'l>(
        &self,
        lexemes: impl IntoIterator<Item = &'l str>,
        count: usize,
    ) -> Vec<usize> {
        let texts = self.lengths.len() as f64;
        let average = self.lengths.iter().sum::<f64>() / texts;
        let mut scores: HashMap<usize, f64> = HashMap::new();
        for postings in lexemes.into_iter().filter_map(|lexeme| self.postings.get(lexeme)) {
            let found = postings.len() as f64;
            let idf = (1.0 + (texts - found + 0.5) / (found + 0.5)).ln();
            for (text, frequency) in postings {
                let norm = K1 * (1.0 - B + B * self.lengths[*text] / average);
                *scores.entry(*text).or_default() +=
                    idf * frequency * (K1 + 1.0) / (frequency + norm);
            }
        }
        let mut scores: Vec<(usize, f64)> = scores.into_iter().collect();
        scores.sort_by(|(a, x), (b, y)| y.total_cmp(x).then(a.cmp(b)));
        scores.into_iter().take(count).map(|(text, _)| text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Bm25;

    #[test]
    fn rarer_lexemes_and_shorter_texts_come_first() {
        let mut index = Bm25::default();
        for text in ["common filler filler", "common", "common rare filler filler"] {
            let count = |word: &str| text.split(' ').filter(|other| *other == word).count() as f64;
            let mut words: Vec<&str> = text.split(' ').collect();
            words.dedup();
            index.add(words.iter().map(|word| (word.to_string(), count(word))));
        }
        assert_eq!(index.search(["common", "rare"], 10), [2, 1, 0]);
        assert_eq!(index.search(["common"], 2), [1, 0]);
        assert!(index.search(["missing"], 10).is_empty());
    }
}
