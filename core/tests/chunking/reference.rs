//! Slow reference cutter: segments the whole text and tries every boundary of every rank.

use carrel_core::chunking::{Unit, count_tokens};
use unicode_segmentation::UnicodeSegmentation;

pub const CLUSTER: u32 = 1;
pub const WORD: u32 = 2;
pub const SENTENCE: u32 = 3;
pub const LINE: u32 = 4;
pub const PARAGRAPH: u32 = 5;
pub const SECTION: u32 = 6;

/// Boundaries of a text by position, with their ranks, in order.
pub struct Known<'t> {
    pub text: &'t str,
    pub boundaries: Vec<(usize, u32)>,
    clusters: Vec<usize>,
}

impl<'t> Known<'t> {
    /// Every boundary that a text has without markup.
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

    /// Allowed ends of the content of a chunk that starts at `start` and repeats the text before
    /// `fresh`. Two if, in tokens, a longer text is smaller: then a chunk can count as half full or
    /// not. None if a cluster has to be split or the overlap dropped.
    pub fn ends(
        &self,
        start: usize,
        fresh: usize,
        size: usize,
        unit: Unit,
    ) -> Option<(usize, usize)> {
        let text = self.text;
        let whole = self.trimmed(start, text.len());
        let fits = |end: usize| fits(&text[start..end], size, unit);
        if fits(whole) {
            return Some((whole, whole));
        }
        // Limit of words that stops the chunk: words or characters.
        let cap = size.saturating_mul(8);
        let longest = text[start..].char_indices().map(|(at, _)| start + at).nth(cap);
        let longest = &text[start..longest.unwrap_or(text.len())];
        let by_words = unit == Unit::Words && longest.unicode_words().count() > size;
        let half_full = |end: usize| {
            let content = &text[start..end];
            match unit {
                Unit::Words if by_words => 2 * content.unicode_words().count() >= size,
                Unit::Words => 2 * content.chars().count() >= cap,
                Unit::Characters => 2 * content.chars().count() >= size,
                Unit::Tokens(encoding) => 2 * count_tokens(content, encoding, || {}) >= size,
            }
        };
        // True if the text is half full at some end up to `end`.
        let once_half_full = |end: usize| match unit {
            Unit::Tokens(_) => {
                text[start..end].char_indices().any(|(at, c)| half_full(start + at + c.len_utf8()))
            }
            _ => half_full(end),
        };
        let candidates: Vec<(u32, usize)> = self
            .boundaries
            .iter()
            .filter(|&&(at, _)| at > fresh)
            .map(|&(at, rank)| (rank, self.trimmed(start, at)))
            .filter(|&(_, end)| end > fresh && fits(end))
            .collect();
        let best = |is_half_full: &dyn Fn(usize) -> bool| {
            let second = candidates.iter().filter(|&&(_, end)| is_half_full(end)).max();
            second.or(candidates.iter().max()).map(|&(_, end)| end)
        };
        Some((best(&half_full)?, best(&once_half_full)?))
    }

    /// End of the content before a boundary: without whitespace, except in the last cluster.
    fn trimmed(&self, start: usize, at: usize) -> usize {
        let end = start + self.text[start..at].trim_end().len();
        if end == at {
            return at;
        }
        let last = self.clusters.iter().copied().find(|&cluster| cluster >= end);
        last.unwrap_or(end).min(at)
    }
}

/// True if a content is not too large for a chunk.
pub fn fits(content: &str, size: usize, unit: Unit) -> bool {
    let characters = content.chars().count();
    match unit {
        Unit::Characters => characters <= size,
        Unit::Words => {
            content.unicode_words().count() <= size && characters <= size.saturating_mul(8)
        }
        Unit::Tokens(encoding) => count_tokens(content, encoding, || {}) <= size,
    }
}
