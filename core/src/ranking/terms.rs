//! Query in the lexemes of one text search configuration, and its matches in a vector.

use crate::tsvector::{Position, Positions, View, Weight};

/// Lexeme to search for, or a prefix of lexemes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    pub lexeme: Box<[u8]>,
    pub is_prefix: bool,
}

/// Position of a phrase, with the terms that match there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhrasePosition {
    /// Distance from the first position of the phrase.
    pub offset: u16,
    pub terms: Vec<Term>,
}

/// Positions of a phrase. The first one has offset 0.
pub type Phrase = Vec<PhrasePosition>;

/// Word of a query, as a person counts words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryWord {
    /// Terms of the word as a whole, any of which matches it.
    pub whole: Vec<u16>,
    /// Parts of a compound, each with its terms: all parts together match it as well.
    pub parts: Vec<Vec<u16>>,
}

/// Numbers of the terms of a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TermSet([u64; Query::MAX_TERMS.div_ceil(64)]);

impl TermSet {
    pub fn insert(&mut self, term: u16) {
        self.0[usize::from(term / 64)] |= 1 << (term % 64);
    }

    fn has_any(&self, terms: &[u16]) -> bool {
        terms.iter().any(|term| self.0[usize::from(term / 64)] >> (term % 64) & 1 == 1)
    }
}

/// Query. Terms are optional; required phrases are not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pub terms: Vec<Term>,
    /// Number of times that the query has each term.
    pub counts: Vec<u32>,
    pub words: Vec<QueryWord>,
    /// Required phrases. The first 64 count.
    pub required: Vec<Phrase>,
    pub excluded: Vec<Phrase>,
}

/// Occurrences of a term in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frequency {
    /// Weight of the heaviest title with the term.
    title: Option<Weight>,
    /// Occurrences in the text itself, which includes its headings.
    body: u32,
}

impl Frequency {
    /// Frequency of a term that is only in the text's file name.
    pub const IN_NAME: Self = Self { title: Some(Weight::A), body: 0 };

    /// Frequency of a lexeme with these positions. The first `title_words` positions belong to a
    /// title.
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
        // A vector stripped of its positions has each lexeme once.
        if !any {
            self.body += 1;
        }
    }

    /// Frequency in two parts of a text together. Both parts have the text's titles, which count once.
    pub fn with(self, other: Self) -> Self {
        Self { title: self.title.max(other.title), body: self.body.saturating_add(other.body) }
    }

    /// Frequency for BM25. A title counts once, with its weight. If the text repeats the title,
    /// that is the same occurrence.
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

/// Matches of a query in a vector, apart from its terms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PhraseMatches {
    /// Bit n: the n-th required phrase matches.
    pub phrases: u64,
    /// True if an excluded phrase matches.
    pub is_excluded: bool,
}

impl Query {
    /// Maximum number of terms.
    pub const MAX_TERMS: usize = 512;

    /// Adds a term that the query has not. Returns its number; None if there are too many terms.
    /// [`Self::count`] counts it.
    pub fn add(&mut self, term: Term) -> Option<u16> {
        let known = self.terms.iter().position(|known| *known == term);
        let number = match known {
            Some(number) => number,
            None if self.terms.len() == Self::MAX_TERMS => return None,
            None => {
                self.terms.push(term);
                self.counts.push(0);
                self.terms.len() - 1
            }
        };
        u16::try_from(number).ok()
    }

    /// Counts an occurrence of a term in the query.
    pub fn count(&mut self, term: u16) {
        self.counts[usize::from(term)] += 1;
    }

    /// True if a text with these terms has all words of the query.
    pub fn has_all_words(&self, found: &TermSet) -> bool {
        self.words.iter().all(|word| {
            let has_parts =
                !word.parts.is_empty() && word.parts.iter().all(|part| found.has_any(part));
            has_parts || found.has_any(&word.whole)
        })
    }

    /// True if there are no terms.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Bits of all required phrases.
    pub fn all_phrases(&self) -> u64 {
        let count = self.required.len().min(64);
        if count == 0 { 0 } else { u64::MAX >> (64 - count) }
    }

    /// Matches a vector. Calls `found` with the index and frequency of each term that it has. The
    /// first `title_words` positions belong to a title, whatever their weight.
    pub fn read(
        &self,
        vector: &View,
        title_words: u16,
        mut found: impl FnMut(usize, Frequency),
    ) -> PhraseMatches {
        for (number, term) in self.terms.iter().enumerate() {
            if let Some(frequency) = term.frequency(vector, title_words) {
                found(number, frequency);
            }
        }
        let required = self.required.iter().take(64).enumerate();
        PhraseMatches {
            phrases: required
                .filter(|(_, phrase)| has_phrase(vector, phrase))
                .fold(0, |phrases, (number, _)| phrases | 1 << number),
            is_excluded: self.excluded.iter().any(|phrase| has_phrase(vector, phrase)),
        }
    }
}

impl Term {
    /// True for the lexeme, or for one that begins with it if the term is a prefix.
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

    /// Calls `with` for the positions of each matching lexeme.
    fn each<'a>(&self, vector: &View<'a>, mut with: impl FnMut(Positions<'a>)) {
        if self.is_prefix {
            vector.starting_with(&self.lexeme).for_each(|(_, positions)| with(positions));
        } else if let Some(positions) = vector.find(&self.lexeme) {
            with(positions);
        }
    }
}

/// True if the terms of a phrase occur at its positions. A vector without positions only has to
/// contain the terms.
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
