//! Users with documents, generated the same each time: many with few, one with a fifth of all; words
//! as frequent as in a language.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use crate::generated::Chance;

pub const USERS: usize = 1_000;
/// How much less the next user has: of 1,000 users, the first has 20 % of all, the middle one 0.017 %.
const SKEW: f64 = 1.14;
/// A document's chunks.
const CHUNKS: RangeInclusive<usize> = 4..=16;

const WORDS: usize = 50_000;
const LETTERS: RangeInclusive<usize> = 3..=12;
const WORDS_IN_SENTENCE: RangeInclusive<usize> = 8..=20;
/// Characters of a paragraph. Two don't fit into a chunk, so that each becomes one.
const PARAGRAPH: usize = 1_600;

/// A document to be written: whose, and how many paragraphs.
#[derive(Clone, Copy)]
pub struct Plan {
    /// By size, the largest is 0.
    pub user: usize,
    pub chunks: usize,
}

/// What is written first, and what makes it grow.
pub struct Plans {
    /// A tenth of all chunks, among them all of the middle user's.
    pub first: Vec<Plan>,
    pub rest: Vec<Plan>,
}

/// The user with as many larger ones as smaller ones.
pub const MEDIAN: usize = USERS / 2;

impl Plans {
    /// Of users with this many chunks together, all of their documents mixed.
    pub fn new(chunks: usize) -> Self {
        let mut chance = Chance(3);
        let shares: Vec<f64> = (1..=USERS).map(|place| (place as f64).powf(-SKEW)).collect();
        let whole: f64 = shares.iter().sum();
        let (mut first, mut rest) = (Vec::new(), Vec::new());
        for (user, share) in shares.iter().enumerate() {
            let mut left = ((chunks as f64 * share / whole).round() as usize).max(1);
            while left > 0 {
                let size = CHUNKS.start() + chance.below(CHUNKS.end() - CHUNKS.start() + 1);
                let size = size.min(left);
                left -= size;
                let plan = Plan { user, chunks: size };
                if user == MEDIAN { first.push(plan) } else { rest.push(plan) }
            }
        }
        shuffle(&mut rest, &mut chance);
        let mut missing = (chunks / 10).saturating_sub(first.iter().map(|plan| plan.chunks).sum());
        while missing > 0 {
            let Some(plan) = rest.pop() else { break };
            missing = missing.saturating_sub(plan.chunks);
            first.push(plan);
        }
        shuffle(&mut first, &mut chance);
        Self { first, rest }
    }
}

fn shuffle<T>(all: &mut [T], chance: &mut Chance) {
    for end in (1..all.len()).rev() {
        all.swap(end, chance.below(end + 1));
    }
}

/// Writes texts of words that are as frequent as their rank is low: Zipf's law, with exponent 1.
pub struct Writer {
    words: Vec<String>,
    /// Of each word, how often it is chosen in its own place, of 2^30, and which one else: Vose's
    /// alias method.
    aliases: Vec<(usize, usize)>,
    chance: Chance,
}

const WHOLE: usize = 1 << 30;

impl Default for Writer {
    fn default() -> Self {
        let mut chance = Chance(4);
        let mut known = HashSet::new();
        let mut words = Vec::with_capacity(WORDS);
        while words.len() < WORDS {
            let length = LETTERS.start() + chance.below(LETTERS.end() - LETTERS.start() + 1);
            let word: String =
                (0..length).map(|_| char::from(b'a' + chance.below(26) as u8)).collect();
            if known.insert(word.clone()) {
                words.push(word);
            }
        }
        Self { words, aliases: aliases(WORDS), chance }
    }
}

impl Writer {
    /// A text of so many paragraphs.
    pub fn text(&mut self, paragraphs: usize) -> String {
        let mut text = String::with_capacity(paragraphs * (PARAGRAPH + 2));
        for paragraph in 0..paragraphs {
            if paragraph > 0 {
                text.push_str("\n\n");
            }
            self.paragraph(&mut text);
        }
        text
    }

    /// Sentences, as many as fit.
    fn paragraph(&mut self, text: &mut String) {
        let end = text.len() + PARAGRAPH - 1;
        let mut left = 0;
        loop {
            let word = self.word();
            let word = &self.words[word];
            if text.len() + 2 + word.len() > end {
                text.push('.');
                return;
            }
            if !text.is_empty() && !text.ends_with('\n') {
                text.push_str(if left == 0 { ". " } else { " " });
            }
            if left == 0 {
                let (shortest, longest) = WORDS_IN_SENTENCE.into_inner();
                left = shortest + self.chance.below(longest - shortest + 1);
                text.push(char::from(word.as_bytes()[0].to_ascii_uppercase()));
                text.push_str(&word[1..]);
            } else {
                text.push_str(word);
            }
            left -= 1;
        }
    }

    fn word(&mut self) -> usize {
        let word = self.chance.below(self.words.len());
        let (own, other) = self.aliases[word];
        if self.chance.below(WHOLE) < own { word } else { other }
    }
}

fn aliases(count: usize) -> Vec<(usize, usize)> {
    let whole: f64 = (1..=count).map(|rank| 1.0 / rank as f64).sum();
    let mut weights: Vec<f64> =
        (1..=count).map(|rank| count as f64 / rank as f64 / whole).collect();
    let mut aliases = vec![(WHOLE, 0); count];
    let (mut small, mut large): (Vec<usize>, Vec<usize>) =
        (0..count).partition(|word| weights[*word] < 1.0);
    while let (Some(less), Some(more)) = (small.pop(), large.last().copied()) {
        aliases[less] = ((weights[less] * WHOLE as f64) as usize, more);
        weights[more] -= 1.0 - weights[less];
        if weights[more] < 1.0 {
            large.pop();
            small.push(more);
        }
    }
    aliases
}

#[cfg(test)]
mod tests {
    use super::{MEDIAN, PARAGRAPH, Plans, USERS, Writer};

    #[test]
    fn the_largest_user_has_a_fifth_and_the_median_one_is_complete_at_first() {
        let plans = Plans::new(1_000_000);
        let mut sizes = [0; USERS];
        let first: usize = plans.first.iter().map(|plan| plan.chunks).sum();
        assert!((100_000..100_020).contains(&first));
        for plan in plans.first.iter().chain(&plans.rest) {
            sizes[plan.user] += plan.chunks;
        }
        assert!((999_000..1_001_000).contains(&sizes.iter().sum::<usize>()));
        assert!((199_000..201_000).contains(&sizes[0]), "{}", sizes[0]);
        assert!((150..300).contains(&sizes[MEDIAN]), "{}", sizes[MEDIAN]);
        assert!(plans.rest.iter().all(|plan| plan.user != MEDIAN));
    }

    #[test]
    fn paragraphs_fill_chunks_and_words_follow_zipf() {
        let mut writer = Writer::default();
        let text = writer.text(500);
        let paragraphs: Vec<&str> = text.split("\n\n").collect();
        assert_eq!(paragraphs.len(), 500);
        let lengths = paragraphs.iter().map(|paragraph| paragraph.len());
        assert!(lengths.clone().min() > Some(PARAGRAPH - 20) && lengths.max() <= Some(PARAGRAPH));
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        let count = |rank: usize| {
            let word = &writer.words[rank - 1];
            words.iter().filter(|other| other.trim_end_matches('.') == word).count() as f64
        };
        let ratio = count(1) / count(10);
        assert!((8.0..12.0).contains(&ratio), "{ratio}");
        let share = count(1) / words.len() as f64;
        assert!((0.08..0.095).contains(&share), "{share}");
    }
}
