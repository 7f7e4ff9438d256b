//! Words that are like a word: they share letters with it in their order.
//!
//! Finds parts of compounds (`Sicherung` in `Datensicherung`) and forms that a stemmer misses, in any
//! language, as an index of 4-grams does (P. McNamee, J. Mayfield, "Character N-Gram Tokenization for
//! European Language Text Retrieval", 2004), but of the words of a vocabulary instead of the texts.
//! Measured on ten languages, it keeps half to all of the gain of such an index.

use crate::text::unaccented;
use hashbrown::HashMap;
use smallvec::SmallVec;

/// Letters of a word from which others are compared with it: shorter ones are in words that have nothing to
/// do with them, as `long` in `oolong`.
const MIN_LETTERS: usize = 5;
/// Least share of a word's grams, by weight, that a word has which is like it. From .2 to .4 it makes no
/// difference.
const MIN_SHARE: f64 = 0.25;
/// Maximum number of words that are like a word.
const MAX_LIKE: usize = 32;

/// Four characters that follow each other in a word with an edge on both sides.
type Gram = [char; 4];

/// Edge of a word.
const EDGE: char = '\0';

/// Search for the words that are like some words, in vocabularies.
#[derive(Debug, Default)]
pub struct Likeness {
    /// Forms of the words that are looked for: the word's number and the numbers of its grams.
    forms: Vec<(usize, Vec<u32>)>,
    count: usize,
    /// Numbers of all grams of the forms.
    numbers: HashMap<Gram, u32, ahash::RandomState>,
    /// Texts with a word that has a gram, by gram.
    texts: Vec<i64>,
    /// Words of the vocabulary with any of the grams: number of texts, and grams.
    found: HashMap<Box<str>, (i64, SmallVec<[u32; 8]>), ahash::RandomState>,
}

/// Word that is like another one.
#[derive(Clone, Debug, PartialEq)]
pub struct LikeWord {
    pub word: Box<str>,
    /// Share of the other word that it has, up to 1.
    pub share: f64,
    /// Number of texts that have it.
    pub texts: i64,
}

impl Likeness {
    /// Adds a word to look for. Words with digits or signs, and short ones, are like none.
    pub fn look_for(&mut self, word: &str) {
        let number = self.count;
        self.count += 1;
        if word.chars().count() < MIN_LETTERS || !word.chars().all(char::is_alphabetic) {
            return;
        }
        let mut forms = vec![word.to_owned(), unaccented(word)];
        forms.dedup();
        for form in forms {
            let mut grams = Vec::new();
            each_gram(&form, |gram| {
                let next = self.texts.len() as u32;
                let gram = *self.numbers.entry(gram).or_insert(next);
                if gram == next {
                    self.texts.push(0);
                }
                if !grams.contains(&gram) {
                    grams.push(gram);
                }
            });
            self.forms.push((number, grams));
        }
    }

    /// Adds a word of a vocabulary, with its number of texts. A word may come several times.
    pub fn add(&mut self, word: &str, texts: i64) {
        if self.forms.is_empty() {
            return;
        }
        let mut grams: SmallVec<[u32; 8]> = SmallVec::new();
        let mut is_of_letters = true;
        each_gram(word, |gram| {
            is_of_letters &= gram.iter().all(|c| *c == EDGE || c.is_alphabetic());
            if let Some(number) = self.numbers.get(&gram).filter(|number| !grams.contains(number)) {
                grams.push(*number);
            }
        });
        if grams.is_empty() || !is_of_letters {
            return;
        }
        for gram in &grams {
            let sum = &mut self.texts[*gram as usize];
            *sum = sum.saturating_add(texts);
        }
        match self.found.get_mut(word) {
            Some((sum, _)) => *sum = sum.saturating_add(texts),
            None => drop(self.found.insert(word.into(), (texts, grams))),
        }
    }

    /// The words that are like each of those looked for, in a vocabulary of `all` texts: those with the
    /// largest share first.
    pub fn like(self, all: u64) -> Vec<Vec<LikeWord>> {
        let weights: Vec<f64> = self.texts.iter().map(|texts| weight(*texts, all)).collect();
        let weight = |grams: &[u32]| grams.iter().map(|gram| weights[*gram as usize]).sum::<f64>();
        let mut like: Vec<Vec<LikeWord>> = vec![Vec::new(); self.count];
        for (word, (texts, grams)) in self.found.into_iter().filter(|(_, (texts, _))| *texts > 0) {
            let mut shares: SmallVec<[(usize, f64); 4]> = SmallVec::new();
            for (number, of_form) in &self.forms {
                let common: SmallVec<[u32; 8]> =
                    grams.iter().copied().filter(|gram| of_form.contains(gram)).collect();
                let share = weight(&common) / weight(of_form);
                match shares.iter_mut().find(|(of, _)| of == number) {
                    Some((_, most)) => *most = most.max(share),
                    None => shares.push((*number, share)),
                }
            }
            for (number, share) in shares.into_iter().filter(|(_, share)| *share >= MIN_SHARE) {
                like[number].push(LikeWord { word: word.clone(), share, texts });
            }
        }
        for words in &mut like {
            words.sort_unstable_by(|a, b| {
                b.share.total_cmp(&a.share).then_with(|| a.word.cmp(&b.word))
            });
            words.truncate(MAX_LIKE);
        }
        like
    }
}

/// Weight of a gram: high for a rare one, as the inverse document frequency of a word.
fn weight(texts: i64, all: u64) -> f64 {
    let texts = texts.max(0) as f64;
    let all = (all as f64).max(texts);
    (1.0 + (all - texts + 0.5) / (texts + 0.5)).ln()
}

/// Calls `each` for the grams of a word, in order.
fn each_gram(word: &str, mut each: impl FnMut(Gram)) {
    let mut gram = [EDGE; 4];
    let mut count = 0;
    for c in word.chars().chain([EDGE]) {
        gram.rotate_left(1);
        gram[3] = c;
        count += 1;
        // The edge before the word is the first character.
        if count >= 3 {
            each(gram);
        }
    }
}
