//! Query in the lexemes of one text search configuration, and its matches in a vector.

use crate::tsvector::{Lexemes, Position, Positions, Weight};
use crate::vocabulary::Beginning;

/// Lexeme, as bytes of a vector.
pub type Lexeme = Box<[u8]>;

/// Lexeme with the share that it counts.
pub type SharedLexeme = (Lexeme, f32);

/// Lexeme or beginning of words that a query looks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// Lexemes of a word and of its variants, such as the form without accents. A place in a text has one
    /// of them, or several for the same word.
    Word(Vec<Lexeme>),
    /// Words with a beginning.
    Prefix {
        beginning: Beginning,
        /// Lexemes of these words, ascending. Other words may share them.
        lexemes: Vec<Lexeme>,
    },
    /// Lexemes of words that are like a word, each with the share of the word that they have.
    Like {
        lexemes: Vec<SharedLexeme>,
        /// Number of texts with these words, each counted by its share.
        texts: u64,
    },
}

/// Position of a phrase, with the terms that match there.
#[derive(Clone, Debug, PartialEq)]
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
    /// True for a mistyped stop word.
    pub is_optional: bool,
}

impl QueryWord {
    /// True if a text with these terms has the word: as a whole, or all of its parts.
    fn is_in(&self, found: &TermSet) -> bool {
        let has_parts = !self.parts.is_empty() && self.parts.iter().all(|part| found.has_any(part));
        has_parts || found.has_any(&self.whole)
    }
}

/// Two words that follow each other in a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Terms of the words.
    pub first: u16,
    pub second: u16,
    /// Positions from the first to the second: 1 unless stop words stand between.
    pub distance: u16,
}

/// Word of a query as typed: the whole of a [`QueryWord`], or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedWord {
    /// Normalised form.
    pub form: Box<str>,
    /// Index in [`Query::words`].
    pub word: usize,
    /// Index in [`QueryWord::parts`]; None: the whole.
    pub part: Option<usize>,
}

/// Numbers of the terms of a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TermSet([u64; Query::MAX_TERMS.div_ceil(64)]);

impl TermSet {
    pub fn insert(&mut self, term: u16) {
        self.0[usize::from(term / 64)] |= 1 << (term % 64);
    }

    /// Adds all terms of another set.
    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(bits, more)| *bits |= more);
    }

    /// True if there are no terms.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// True if the two sets have a term in common.
    pub fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }

    /// True if the set has any of the terms.
    pub fn has_any(&self, terms: &[u16]) -> bool {
        terms.iter().any(|term| self.0[usize::from(term / 64)] >> (term % 64) & 1 == 1)
    }
}

/// Query. Terms are optional; required phrases are not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    pub terms: Vec<Term>,
    /// Number of times that the query has each term.
    pub counts: Vec<u32>,
    pub words: Vec<QueryWord>,
    /// Words that stand together in the query.
    pub pairs: Vec<Pair>,
    /// Words that may be mistyped.
    pub typed: Vec<TypedWord>,
    /// Terms of words that were taken for the mistyped ones.
    pub similar: TermSet,
    /// Required phrases. The first 64 count.
    pub required: Vec<Phrase>,
    pub excluded: Vec<Phrase>,
}

/// Share of a word that its variants count, so that the form as written ranks first.
const VARIANT: f64 = 0.8;

/// Occurrences of a term in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Frequency {
    /// Weight of the heaviest title with the term.
    title: Option<Weight>,
    /// Occurrences in the text itself, which includes its headings. Those of like words count in part.
    body: f32,
    /// True if the text has other variants of a word only: without its accents, say.
    is_variant: bool,
}

impl Frequency {
    /// Frequency of a term that is only in the text's file name.
    pub const IN_NAME: Self = Self { title: Some(Weight::A), body: 0.0, is_variant: false };

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
                self.body += 1.0;
                if position <= title_words {
                    self.title = self.title.max(Some(Weight::B));
                }
            } else {
                self.title = self.title.max(Some(weight));
            }
        }
        // A vector stripped of its positions has each lexeme once.
        if !any {
            self.body += 1.0;
        }
    }

    /// Frequency in two parts of a text together. Both parts have the text's titles, which count once.
    pub fn with(self, other: Self) -> Self {
        Self { title: self.title.max(other.title), body: self.body + other.body, ..self }
    }

    /// Frequency of two variants of a word, which are mostly in the same places.
    fn or(self, other: Self) -> Self {
        Self { title: self.title.max(other.title), body: self.body.max(other.body), ..self }
    }

    /// Frequency for BM25. A title counts once, with its weight. If the text repeats the title,
    /// that is the same occurrence.
    pub fn weighted(self) -> f64 {
        let body = f64::from(self.body);
        let share = if self.is_variant { VARIANT } else { 1.0 };
        let titled = |weight: f64| weight + (body - 1.0).max(0.0);
        share
            * match self.title {
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
        let known = self.number(&term).map(usize::from);
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

    /// Number of a term that the query has.
    pub fn number(&self, term: &Term) -> Option<u16> {
        let known = self.terms.iter().position(|known| known == term)?;
        u16::try_from(known).ok()
    }

    /// True if a text with these terms has a typed word, or a variant of it.
    pub fn has_typed(&self, typed: &TypedWord, found: &TermSet) -> bool {
        let Some(word) = self.words.get(typed.word) else { return true };
        match typed.part.and_then(|part| word.parts.get(part)) {
            Some(part) => found.has_any(part) || word.is_in(found),
            None => word.is_in(found),
        }
    }

    /// Takes a typed word for another one, with these terms. Without terms the other one is a stop word,
    /// and no text has to have it.
    pub fn replace(&mut self, typed: usize, terms: &[u16]) {
        let Some(TypedWord { word, part, .. }) = self.typed.get(typed) else { return };
        let Some(word) = self.words.get_mut(*word) else { return };
        match part.and_then(|part| word.parts.get_mut(part)) {
            Some(part) if !terms.is_empty() => part.extend(terms),
            Some(_) => {}
            None => word.whole.extend(terms),
        }
        word.is_optional |= terms.is_empty();
        terms.iter().for_each(|term| self.similar.insert(*term));
    }

    /// Counts occurrences of a term in the query.
    pub fn count(&mut self, term: u16, times: u32) {
        let count = &mut self.counts[usize::from(term)];
        *count = count.saturating_add(times);
    }

    /// True if a text with these terms has all words of the query.
    pub fn has_all_words(&self, found: &TermSet) -> bool {
        self.words.iter().all(|word| word.is_optional || word.is_in(found))
    }

    /// True if there are no terms.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Number of times that the words of a pair stand as in the query.
    fn together<'a>(&self, pair: &Pair, vector: &impl Lexemes<'a>) -> u32 {
        let positions = |term: u16| match self.terms.get(usize::from(term)) {
            Some(Term::Word(lexemes)) => vector.find(lexemes.first()?),
            _ => None,
        };
        let (Some(first), Some(mut second)) = (positions(pair.first), positions(pair.second))
        else {
            return 0;
        };
        let mut count = 0;
        let mut next = second.next();
        for position in first {
            let wanted = position.position.saturating_add(pair.distance);
            while next.is_some_and(|next| next.position < wanted) {
                next = second.next();
            }
            count += u32::from(next.is_some_and(|next| next.position == wanted));
        }
        count
    }

    /// True if there are required or excluded phrases of several words.
    pub fn has_phrases(&self) -> bool {
        self.required.iter().chain(&self.excluded).any(|phrase| phrase.len() > 1)
    }

    /// Bits of all required phrases.
    pub fn all_phrases(&self) -> u64 {
        let count = self.required.len().min(64);
        if count == 0 { 0 } else { u64::MAX >> (64 - count) }
    }

    /// Matches a text's vector. Calls `found` with the index and frequency of each term that it has, and of
    /// each pair: pairs are counted after the terms. The first `title_words` positions belong to a title,
    /// whatever their weight. `is_written` tells if the text has a word with a beginning, as written: it is
    /// asked only where the vector has a lexeme of such words.
    pub fn read<'a>(
        &self,
        vector: &impl Lexemes<'a>,
        title_words: u16,
        mut is_written: impl FnMut(&Beginning) -> bool,
        mut found: impl FnMut(usize, Frequency),
    ) -> PhraseMatches {
        for (number, term) in self.terms.iter().enumerate() {
            if let Some(frequency) = term.frequency(vector, title_words, &mut is_written) {
                found(number, frequency);
            }
        }
        for (number, pair) in self.pairs.iter().enumerate() {
            let together = self.together(pair, vector);
            if together > 0 {
                found(
                    self.terms.len() + number,
                    Frequency { body: together as f32, ..Frequency::default() },
                );
            }
        }
        let mut has_phrase =
            |phrase: &Phrase| Starts::of(phrase, vector, &mut is_written).is_anywhere();
        let mut phrases = 0;
        for (number, phrase) in self.required.iter().take(64).enumerate() {
            phrases |= u64::from(has_phrase(phrase)) << number;
        }
        PhraseMatches { phrases, is_excluded: self.excluded.iter().any(has_phrase) }
    }
}

impl Term {
    /// All lexemes that match.
    pub fn lexemes(&self) -> impl Iterator<Item = &[u8]> {
        let (lexemes, like): (&[Lexeme], &[SharedLexeme]) = match self {
            Self::Word(lexemes) | Self::Prefix { lexemes, .. } => (lexemes, &[]),
            Self::Like { lexemes, .. } => (&[], lexemes),
        };
        lexemes.iter().chain(like.iter().map(|(lexeme, _)| lexeme)).map(|lexeme| &**lexeme)
    }

    fn frequency<'a>(
        &self,
        vector: &impl Lexemes<'a>,
        title_words: u16,
        is_written: &mut impl FnMut(&Beginning) -> bool,
    ) -> Option<Frequency> {
        let of = |lexeme: &[u8]| {
            vector.find(lexeme).map(|positions| Frequency::of(positions, title_words))
        };
        match self {
            Self::Word(lexemes) => {
                let frequency =
                    lexemes.iter().filter_map(|lexeme| of(lexeme)).reduce(Frequency::or)?;
                let is_as_written =
                    lexemes.first().and_then(|lexeme| vector.find(lexeme)).is_some();
                Some(Frequency { is_variant: !is_as_written, ..frequency })
            }
            Self::Like { lexemes, .. } => {
                let part = |(lexeme, share): &SharedLexeme| {
                    of(lexeme).map(|frequency| frequency.weighted() as f32 * share)
                };
                let parts = lexemes.iter().filter_map(part).reduce(|sum, part| sum + part);
                parts.map(|body| Frequency { body, ..Frequency::default() })
            }
            Self::Prefix { .. } => {
                let mut frequency = None;
                self.each(vector, is_written, |positions| {
                    frequency.get_or_insert(Frequency::default()).add(positions, title_words);
                });
                frequency
            }
        }
    }

    /// Calls `with` for the positions of each lexeme that the vector has.
    fn each<'a>(
        &self,
        vector: &impl Lexemes<'a>,
        is_written: &mut impl FnMut(&Beginning) -> bool,
        mut with: impl FnMut(Positions<'a>),
    ) {
        match self {
            Self::Word(lexemes) => {
                lexemes.iter().filter_map(|lexeme| vector.find(lexeme)).for_each(with);
            }
            // Part of no phrase.
            Self::Like { .. } => {}
            Self::Prefix { beginning, lexemes } => {
                let mut has_any = false;
                let mut each = |positions| {
                    has_any = has_any || is_written(beginning);
                    if has_any {
                        with(positions);
                    }
                    has_any
                };
                // Looks up whichever are fewer.
                if lexemes.len() <= vector.len() {
                    let mut found = lexemes.iter().filter_map(|lexeme| vector.find(lexeme));
                    let _ = found.all(&mut each);
                } else {
                    let is_of =
                        |lexeme: &[u8]| lexemes.binary_search_by(|of| (**of).cmp(lexeme)).is_ok();
                    let mut found = vector.iter().filter(|(lexeme, _)| is_of(lexeme));
                    let _ = found.all(|(_, positions)| each(positions));
                }
            }
        }
    }
}

/// Places in a text where a phrase, or a part of one, begins.
#[derive(Default)]
struct Starts {
    /// Position of the phrase's first word, ascending. Zero or less where a part of the phrase stands at
    /// the beginning of a text.
    starts: Vec<i32>,
    /// True if a lexeme has no positions: the phrase may be anywhere.
    is_unknown: bool,
}

impl Starts {
    /// Finds the terms of a phrase at its positions. In a vector without positions, they only have to
    /// occur.
    fn of<'a>(
        phrase: &[PhrasePosition],
        vector: &impl Lexemes<'a>,
        is_written: &mut impl FnMut(&Beginning) -> bool,
    ) -> Self {
        let mut found: Option<Self> = None;
        for position in phrase {
            let with = Self::with(found.take(), position, vector, is_written);
            if !with.is_anywhere() {
                return with;
            }
            found = Some(with);
        }
        found.unwrap_or_default()
    }

    /// Starts of a part of a phrase with one more position.
    fn with<'a>(
        part: Option<Self>,
        position: &PhrasePosition,
        vector: &impl Lexemes<'a>,
        is_written: &mut impl FnMut(&Beginning) -> bool,
    ) -> Self {
        let mut here = Self::default();
        let offset = i32::from(position.offset);
        let mut has_any = false;
        for term in &position.terms {
            term.each(vector, is_written, |positions| {
                has_any = true;
                here.is_unknown |= positions.len() == 0;
                here.starts.extend(positions.map(|p| i32::from(p.position) - offset));
            });
        }
        here.starts.sort_unstable();
        match part {
            Some(part) if has_any => {
                here.is_unknown |= part.is_unknown;
                here.starts.retain(|start| part.starts.binary_search(start).is_ok());
                here
            }
            _ => here,
        }
    }

    fn is_anywhere(&self) -> bool {
        self.is_unknown || !self.starts.is_empty()
    }
}

/// Part of a phrase at an edge of a chunk; the next chunk, or the one before, may have the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PhraseEdge {
    /// Number of the phrase: required ones first, then excluded ones.
    pub phrase: u16,
    /// Number of its positions that stand in the first of the two chunks.
    pub split: u16,
}

/// Parts of a query's phrases at the edges of a chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PhraseEdges {
    /// Phrases that begin at the chunk's end.
    pub begun: Vec<PhraseEdge>,
    /// Phrases that end at the chunk's beginning.
    pub ended: Vec<PhraseEdge>,
}

impl Query {
    /// Finds the parts of phrases with which a chunk's content ends or begins. Headings, which have a
    /// weight, stand before the content. Stop words at the edge are not missed.
    pub fn edges<'a>(
        &self,
        vector: &impl Lexemes<'a>,
        mut is_written: impl FnMut(&Beginning) -> bool,
    ) -> PhraseEdges {
        let mut edges = PhraseEdges::default();
        // First and last position of the content, once a part of a phrase is found at all.
        let mut bounds: Option<(u16, u16)> = None;
        let mut stands_at = |starts: &[i32], offset: u16, is_end: bool| {
            let (first, last) =
                *bounds.get_or_insert_with(|| vector.content_bounds().unwrap_or_default());
            let edge = i32::from(if is_end { last } else { first });
            starts.binary_search(&(edge - i32::from(offset))).is_ok()
        };
        let required = self.required.iter().take(64).enumerate();
        let excluded = (64..).zip(&self.excluded);
        for (number, phrase) in required.chain(excluded) {
            let Some(whole) = phrase.len().checked_sub(1) else { continue };
            let edge = |split: usize| PhraseEdge { phrase: number as u16, split: split as u16 };
            let mut part: Option<Starts> = None;
            for (split, position) in (1..).zip(&phrase[..whole]) {
                let starts = Starts::with(part.take(), position, vector, &mut is_written);
                if starts.starts.is_empty() {
                    break;
                }
                if stands_at(&starts.starts, position.offset, true) {
                    edges.begun.push(edge(split));
                }
                part = Some(starts);
            }
            let mut part: Option<Starts> = None;
            for (split, position) in phrase.iter().enumerate().skip(1).rev() {
                let starts = Starts::with(part.take(), position, vector, &mut is_written);
                if starts.starts.is_empty() {
                    break;
                }
                if stands_at(&starts.starts, position.offset, false) {
                    edges.ended.push(edge(split));
                }
                part = Some(starts);
            }
        }
        edges
    }
}

impl PhraseEdges {
    /// True if no phrase stands at an edge.
    pub fn is_empty(&self) -> bool {
        self.begun.is_empty() && self.ended.is_empty()
    }
}

impl PhraseMatches {
    /// Adds a phrase that stands over the edge of two chunks.
    pub fn add(&mut self, edge: PhraseEdge) {
        match edge.phrase {
            0..64 => self.phrases |= 1 << edge.phrase,
            _ => self.is_excluded = true,
        }
    }
}
