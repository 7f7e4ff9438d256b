//! A query in the lexemes of one text search configuration, and what a vector has of it.

use crate::tsvector::{Position, Positions, View, Weight};

/// A lexeme that is looked for, or the beginning of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    pub lexeme: Box<[u8]>,
    pub is_prefix: bool,
}

/// Where one of these terms has to stand in a phrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhrasePosition {
    /// How many positions after the phrase's first.
    pub offset: u16,
    pub terms: Vec<Term>,
}

/// Words that have to stand at these distances; the first place has offset 0.
pub type Phrase = Vec<PhrasePosition>;

/// What is looked for. Terms are optional; phrases are not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pub terms: Vec<Term>,
    /// At most 64 count.
    pub required: Vec<Phrase>,
    pub excluded: Vec<Phrase>,
}

/// How often a term is in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frequency {
    /// The heaviest title that it is in.
    title: Option<Weight>,
    /// Its occurrences in the text itself, which has its headings in it.
    body: u32,
}

impl Frequency {
    /// That of a term in a text's file name.
    pub const IN_NAME: Self = Self { title: Some(Weight::A), body: 0 };

    /// That of a lexeme with these positions, of which the first `title_words` are a title's.
    pub fn of(positions: impl Iterator<Item = Position>, title_words: u16) -> Self {
        let mut frequency = Self::default();
        frequency.add(positions, title_words);
        frequency
    }

    fn add(&mut self, positions: impl Iterator<Item = Position>, title_words: u16) {
        let mut any = false;
        for Position { weight, position } in positions {
            any = true;
            if weight == Weight::D {
                self.body += 1;
                if position <= title_words {
                    self.title = self.title.max(Some(Weight::B));
                }
            } else {
                self.title = self.title.max(Some(weight));
            }
        }
        // A vector that was stripped of its positions has each lexeme once.
        if !any {
            self.body += 1;
        }
    }

    /// That in two parts of a text together: titles are the same ones, and count once.
    pub fn with(self, other: Self) -> Self {
        Self { title: self.title.max(other.title), body: self.body.saturating_add(other.body) }
    }

    /// What BM25 takes for the frequency. A title counts once, at its weight; where it stands in the
    /// text as well, that is the same occurrence.
    pub fn weighted(self) -> f64 {
        let body = f64::from(self.body);
        let titled = |weight: f64| weight + (body - 1.0).max(0.0);
        match self.title {
            None | Some(Weight::D) => body,
            Some(Weight::C) => titled(2.0),
            Some(Weight::B) => titled(3.0),
            Some(Weight::A) => titled(4.0),
        }
    }
}

/// What a vector has of a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Bit n: it has the n-th of the required phrases.
    pub phrases: u64,
    /// Whether it has what is not wanted.
    pub is_excluded: bool,
}

impl Query {
    /// Whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The phrases that a text must have, as bits.
    pub fn all_phrases(&self) -> u64 {
        let count = self.required.len().min(64);
        if count == 0 { 0 } else { u64::MAX >> (64 - count) }
    }

    /// Reads a vector, and calls `found` with the number and frequency of each term that it has. The
    /// first `title_words` positions are a title's, whatever they weigh.
    pub fn read(
        &self,
        vector: &View,
        title_words: u16,
        mut found: impl FnMut(usize, Frequency),
    ) -> Reading {
        for (number, term) in self.terms.iter().enumerate() {
            if let Some(frequency) = term.frequency(vector, title_words) {
                found(number, frequency);
            }
        }
        let required = self.required.iter().take(64).enumerate();
        Reading {
            phrases: required
                .filter(|(_, phrase)| has_phrase(vector, phrase))
                .fold(0, |phrases, (number, _)| phrases | 1 << number),
            is_excluded: self.excluded.iter().any(|phrase| has_phrase(vector, phrase)),
        }
    }
}

impl Term {
    /// Whether this is a lexeme, or begins it.
    pub fn is_of(&self, lexeme: &[u8]) -> bool {
        match self.is_prefix {
            true => lexeme.starts_with(&self.lexeme),
            false => lexeme == &*self.lexeme,
        }
    }

    fn frequency(&self, vector: &View, title_words: u16) -> Option<Frequency> {
        let mut frequency = None;
        self.each(vector, |positions| {
            frequency.get_or_insert(Frequency::default()).add(positions, title_words);
        });
        frequency
    }

    /// Calls `with` for the positions of each lexeme that this is, or begins.
    fn each<'a>(&self, vector: &View<'a>, mut with: impl FnMut(Positions<'a>)) {
        if self.is_prefix {
            vector.starting_with(&self.lexeme).for_each(|(_, positions)| with(positions));
        } else if let Some(positions) = vector.find(&self.lexeme) {
            with(positions);
        }
    }
}

/// Whether the positions of a phrase are all taken, one after the other. A vector without positions only
/// knows whether the words are there.
fn has_phrase(vector: &View, phrase: &Phrase) -> bool {
    let mut starts: Option<Vec<i32>> = None;
    let mut unknown = false;
    for position in phrase {
        let mut here = Vec::new();
        let mut any = false;
        for term in &position.terms {
            term.each(vector, |positions| {
                any = true;
                unknown |= positions.len() == 0;
                here.extend(positions.map(|p| i32::from(p.position) - i32::from(position.offset)));
            });
        }
        if !any {
            return false;
        }
        here.sort_unstable();
        starts = Some(match starts {
            None => here,
            Some(starts) => {
                starts.into_iter().filter(|start| here.binary_search(start).is_ok()).collect()
            }
        });
    }
    unknown || starts.is_some_and(|starts| !starts.is_empty())
}
