//! Segments of new and of removed texts.

use super::format::{Entry, Key, Lexicon, Text, push_posting};
use crate::merge_sorted::beginning;
use crate::tsvector::{Lexemes, Position, View};
use hashbrown::HashMap;
use siphasher::sip::SipHasher13;
use std::hash::Hasher;

/// Texts that are added to a segment, and those that are removed.
#[derive(Default)]
pub struct Builder {
    entries: Vec<Entry>,
    removed: Vec<Key>,
    lists: HashMap<Box<[u8]>, List, ahash::RandomState>,
    postings: usize,
}

/// Postings of a lexeme.
#[derive(Default)]
struct List {
    bytes: Vec<u8>,
    last: u32,
}

impl Builder {
    /// Adds a text with its vector.
    pub fn add(&mut self, text: Text, vector: &View) {
        let number = self.entries.len() as u32;
        let mut positions: Vec<Position> = Vec::new();
        for (lexeme, of_lexeme) in vector.iter() {
            positions.clear();
            positions.extend(of_lexeme);
            let list = match self.lists.get_mut(lexeme) {
                Some(list) => list,
                None => self.lists.entry(lexeme.into()).or_default(),
            };
            push_posting(&mut list.bytes, number - list.last, &positions);
            list.last = number;
            self.postings += 1;
        }
        let bounds = vector.content_bounds().unwrap_or((1, 0));
        self.entries.push(Entry { text, version: version(&text, vector), bounds });
    }

    /// Removes a text that was added with this vector.
    pub fn remove(&mut self, text: Text, vector: &View) {
        self.removed.push(Key { id: text.id, version: version(&text, vector) });
    }

    /// Number of postings and of removed texts: about their bytes, halved.
    pub fn len(&self) -> usize {
        self.postings + self.removed.len()
    }

    /// True if nothing is added or removed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.removed.is_empty()
    }

    /// Number of removed texts.
    pub fn removed(&self) -> usize {
        self.removed.len()
    }

    /// Encodes the segment. Empty if nothing is added or removed.
    pub fn encode(self) -> Vec<u8> {
        let mut lists: Vec<(Box<[u8]>, List)> = self.lists.into_iter().collect();
        let by = |of: &(Box<[u8]>, List)| beginning(&of.0);
        lists.sort_unstable_by(|a, b| by(a).cmp(&by(b)).then_with(|| a.0.cmp(&b.0)));
        let mut lexicon = Lexicon::default();
        lists.iter().for_each(|(lexeme, list)| lexicon.push(lexeme, &list.bytes));
        lexicon.finish(&self.entries, &self.removed)
    }
}

/// Hash of what a segment has of a text. It is stored: SipHash is the same everywhere.
fn version(text: &Text, vector: &View) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(&text.document);
    hasher.write(&text.words.to_le_bytes());
    hasher.write(&text.title_words.to_le_bytes());
    for (lexeme, positions) in vector.iter() {
        hasher.write(&(lexeme.len() as u16).to_le_bytes());
        hasher.write(lexeme);
        hasher.write(&(positions.len() as u16).to_le_bytes());
        for Position { weight, position } in positions {
            hasher.write(&(position << 2 | weight as u16).to_le_bytes());
        }
    }
    hasher.finish()
}
