//! Merging of sorted sequences of words.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Next words of some sequences, the least first. Of equal ones, that of the sequence with the lesser number.
#[derive(Default)]
pub struct NextWords(BinaryHeap<Reverse<(u64, Vec<u8>, usize)>>);

impl NextWords {
    /// Adds the next word of a sequence.
    pub fn push(&mut self, word: Vec<u8>, sequence: usize) {
        self.0.push(Reverse((beginning(&word), word, sequence)));
    }

    /// Takes the least word.
    pub fn pop(&mut self) -> Option<(Vec<u8>, usize)> {
        self.0.pop().map(|Reverse((_, word, sequence))| (word, sequence))
    }

    /// True if the least word is this one.
    pub fn is_next(&self, word: &[u8]) -> bool {
        self.0.peek().is_some_and(|Reverse((_, next, _))| next == word)
    }
}

/// First eight bytes of a word, padded with zeros: of two words with other beginnings, the lesser has the lesser
/// one. They decide most comparisons.
pub fn beginning(word: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let length = word.len().min(8);
    bytes[..length].copy_from_slice(&word[..length]);
    u64::from_be_bytes(bytes)
}
