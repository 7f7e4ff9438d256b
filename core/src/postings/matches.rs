//! Texts of a segment that have any of some lexemes.

use super::format::{Entry, Key, Malformed, Text, take_posting};
use crate::tsvector::{Lexemes, PackedPosition, Positions};

/// Postings of some lexemes in one segment, in the order of texts.
pub struct Matches<'q> {
    /// The lexemes that are looked for, ascending.
    pub(super) lexemes: &'q [&'q [u8]],
    postings: Vec<Posting>,
    positions: Vec<PackedPosition>,
    /// Entry of each text.
    pub(super) entries: Vec<Entry>,
}

/// Lexeme in a text.
#[derive(Clone, Copy)]
struct Posting {
    text: u32,
    /// Index of the lexeme.
    lexeme: u32,
    /// Range of the positions.
    start: u32,
    end: u32,
}

impl<'q> Matches<'q> {
    pub(super) fn new(lexemes: &'q [&'q [u8]]) -> Self {
        Self { lexemes, postings: Vec::new(), positions: Vec::new(), entries: Vec::new() }
    }

    /// Adds the postings of a lexeme, each of which is of one of `texts` texts.
    pub(super) fn add(
        &mut self,
        lexeme: usize,
        mut list: &[u8],
        texts: usize,
    ) -> Result<(), Malformed> {
        let mut text = 0_u32;
        while !list.is_empty() {
            let start = self.positions.len() as u32;
            let positions = &mut self.positions;
            let distance =
                take_posting(&mut list, |position| positions.push(position.pack().to_ne_bytes()))?;
            text = text.checked_add(distance).ok_or(Malformed)?;
            if text as usize >= texts {
                return Err(Malformed);
            }
            let end = self.positions.len() as u32;
            self.postings.push(Posting { text, lexeme: lexeme as u32, start, end });
        }
        Ok(())
    }

    /// Orders the postings by text, and those of a text by lexeme.
    pub(super) fn sort(&mut self) {
        // A stable sort: it merges the lists, which are ordered.
        self.postings.sort_by_key(|posting| posting.text);
    }

    /// Numbers of the texts, ascending.
    pub(super) fn texts(&self) -> impl Iterator<Item = usize> {
        self.of_texts().map(|postings| postings[0].text as usize)
    }

    fn of_texts(&self) -> impl Iterator<Item = &[Posting]> {
        self.postings.chunk_by(|a, b| a.text == b.text)
    }

    /// The texts with their lexemes, and the key of each.
    pub fn iter(&self) -> impl Iterator<Item = (Key, MatchedText<'_>)> {
        self.entries.iter().zip(self.of_texts()).map(|(entry, postings)| {
            let text = MatchedText { text: entry.text, bounds: entry.bounds, postings, of: self };
            (entry.key(), text)
        })
    }
}

/// Text with those of its lexemes that are looked for.
pub struct MatchedText<'a> {
    pub text: Text,
    bounds: (u16, u16),
    postings: &'a [Posting],
    of: &'a Matches<'a>,
}

impl<'a> MatchedText<'a> {
    fn positions(&self, posting: &Posting) -> Positions<'a> {
        Positions::of(&self.of.positions[posting.start as usize..posting.end as usize])
    }

    fn lexeme(&self, posting: &Posting) -> &'a [u8] {
        self.of.lexemes[posting.lexeme as usize]
    }
}

impl<'a> Lexemes<'a> for MatchedText<'a> {
    fn find(&self, lexeme: &[u8]) -> Option<Positions<'a>> {
        let found = match self.postings.len() {
            // Faster than a binary search.
            ..=8 => self.postings.iter().find(|posting| self.lexeme(posting) == lexeme)?,
            _ => {
                let at = self.postings.binary_search_by(|of| self.lexeme(of).cmp(lexeme)).ok()?;
                &self.postings[at]
            }
        };
        Some(self.positions(found))
    }

    fn len(&self) -> usize {
        self.postings.len()
    }

    fn iter(&self) -> impl Iterator<Item = (&'a [u8], Positions<'a>)> {
        self.postings.iter().map(|posting| (self.lexeme(posting), self.positions(posting)))
    }

    fn content_bounds(&self) -> Option<(u16, u16)> {
        Some(self.bounds).filter(|(first, last)| first <= last)
    }
}
