//! A slow cutter that says where a chunk has to end: it segments the whole text and tries every
//! boundary of every rank.

use carrel_core::chunking::Unit;
use unicode_segmentation::UnicodeSegmentation;

pub const CLUSTER: u32 = 1;
pub const WORD: u32 = 2;
pub const SENTENCE: u32 = 3;
pub const LINE: u32 = 4;
pub const PARAGRAPH: u32 = 5;
pub const SECTION: u32 = 6;

/// What is known of a text: boundaries by position with their rank, ordered.
pub struct Known<'t> {
    pub text: &'t str,
    pub boundaries: Vec<(usize, u32)>,
    clusters: Vec<usize>,
}

impl<'t> Known<'t> {
    /// Every boundary that a text has without any markup.
    pub fn plain(text: &'t str) -> Self {
        let starts = text.grapheme_indices(true).map(|(at, _)| at);
        let clusters: Vec<usize> = starts.chain([text.len()]).collect();
        let mut boundaries: Vec<(usize, u32)> = clusters.iter().map(|&at| (at, CLUSTER)).collect();
        let mut add = |at: usize, rank: u32| {
            if let Ok(found) = boundaries.binary_search_by_key(&at, |b| b.0) {
                boundaries[found].1 = boundaries[found].1.max(rank);
            }
        };
        for (at, _) in text.split_word_bound_indices() {
            add(at, WORD);
        }
        for (at, _) in text.split_sentence_bound_indices() {
            add(at, SENTENCE);
        }
        let mut line = 0;
        for at in 1..=text.len() {
            let newline = match text.as_bytes()[at - 1] {
                b'\r' => text.as_bytes().get(at) != Some(&b'\n'),
                byte => byte == b'\n',
            };
            if newline {
                let blank = text[line..at].trim().is_empty();
                add(at, if blank { PARAGRAPH } else { LINE });
                line = at;
            }
        }
        Known { text, boundaries, clusters }
    }

    /// Where the content has to end of a chunk that starts at `start` and repeats what is before
    /// `fresh`, or nothing if a cluster has to be split or the overlap given up.
    pub fn end(&self, start: usize, fresh: usize, size: usize, unit: Unit) -> Option<usize> {
        let text = self.text;
        let measure = |end: usize| {
            let content = &text[start..end];
            (content.unicode_words().count(), content.chars().count())
        };
        let cap = size.saturating_mul(8);
        let fits = |end: usize| match (unit, measure(end)) {
            (Unit::Characters, (_, characters)) => characters <= size,
            (Unit::Words, (words, characters)) => words <= size && characters <= cap,
        };
        let whole = self.trimmed(start, text.len());
        if fits(whole) {
            return Some(whole);
        }
        // Which of the two limits of words is it that stops the chunk?
        let longest = text[start..].char_indices().map(|(at, _)| start + at).nth(cap);
        let words_run_out = measure(longest.unwrap_or(text.len())).0 > size;
        let half_full = |end: usize| match (unit, measure(end)) {
            (Unit::Characters, (_, characters)) => 2 * characters >= size,
            (Unit::Words, (words, _)) if words_run_out => 2 * words >= size,
            (Unit::Words, (_, characters)) => 2 * characters >= cap,
        };
        let candidates: Vec<(u32, usize)> = self
            .boundaries
            .iter()
            .filter(|&&(at, _)| at > fresh)
            .map(|&(at, rank)| (rank, self.trimmed(start, at)))
            .filter(|&(_, end)| end > fresh && fits(end))
            .collect();
        let second = candidates.iter().filter(|&&(_, end)| half_full(end)).max();
        second.or(candidates.iter().max()).map(|&(_, end)| end)
    }

    /// The end of the content before a boundary: without the whitespace, except what is part of the
    /// last cluster.
    fn trimmed(&self, start: usize, at: usize) -> usize {
        let end = start + self.text[start..at].trim_end().len();
        if end == at {
            return at;
        }
        let last = self.clusters.iter().copied().find(|&cluster| cluster >= end);
        last.unwrap_or(end).min(at)
    }
}
