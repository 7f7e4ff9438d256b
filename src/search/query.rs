//! Parsing of a query in each language of a user's documents.

use super::keys::KeyQueries;
use super::statistics::{self, LanguageStatistics};
use crate::documents::Parser;
use crate::pg::error::{Result, check_for_interrupts};
use crate::pg::spi::Db;
use carrel_core::ranking::{
    Pair, Phrase, PhrasePosition, Query, QueryPart, QueryPartKind, QueryWord, Term, TypedWord,
    parts,
};
use carrel_core::text::{Role, Variant, normalize};
use carrel_core::tsvector::{Lexemes, View};
use carrel_core::vocabulary::{Beginning, LikeWord};
use pgrx::datum::Uuid;

/// Maximum bytes of a query; the rest is ignored.
const MAX_QUERY: usize = 32_000;

/// Maximum number of phrases, and of excluded words; the rest is ignored.
const MAX_PHRASES: usize = 64;

/// Maximum number of words that may be mistyped, and of words in a phrase; the rest is taken as typed, and
/// ignored.
const MAX_TYPED: usize = 64;
const MAX_PHRASE: usize = 512;

/// Maximum number of lexemes that are like a word. From 4 to 32 it makes no difference.
const MAX_LIKE: usize = 8;

/// Signs around the beginning of a word that are no part of it.
const AROUND: [char; 16] =
    [':', ';', ',', '!', '?', '(', ')', '[', ']', '{', '}', '<', '>', '\'', '|', '&'];

/// Query in one language, with statistics of the user's texts in that language.
pub struct LanguageQuery {
    pub statistics: LanguageStatistics,
    pub parser: Parser,
    pub query: Query,
    pub keys: KeyQueries,
}

impl LanguageQuery {
    /// All terms, those of excluded words as well.
    pub fn all_terms(&self) -> impl Iterator<Item = &Term> {
        let excluded = self.query.excluded.iter().flatten().flat_map(|position| &position.terms);
        self.query.terms.iter().chain(excluded)
    }

    /// Lexemes of all terms.
    pub fn indexed_lexemes(&self) -> impl Iterator<Item = &[u8]> {
        self.all_terms().flat_map(Term::lexemes)
    }

    /// Query for one word, in the language of this one.
    pub fn of_word(&self, db: &Db, user: Uuid, word: &str) -> Result<Option<Self>> {
        let LanguageStatistics { language, chunks } = &self.statistics;
        let statistics = LanguageStatistics { language: language.clone(), chunks: *chunks };
        let part = QueryPart { text: word, kind: QueryPartKind::Word, is_excluded: false };
        Self::new(db, user, statistics, &[part])
    }

    /// Query without any word. None if the language is none.
    pub fn empty(db: &Db, user: Uuid, statistics: LanguageStatistics) -> Result<Option<Self>> {
        let language = statistics.language.as_str();
        // The configuration may have been dropped since.
        let Some(parser) = Parser::find(db, language)? else { return Ok(None) };
        let keys = KeyQueries::new(user, language);
        Ok(Some(Self { statistics, parser, query: Query::default(), keys }))
    }

    /// Parses the parts of a query. None if the language is none, or the query has no words in it.
    fn new(
        db: &Db,
        user: Uuid,
        statistics: LanguageStatistics,
        parts: &[QueryPart],
    ) -> Result<Option<Self>> {
        let Some(mut of) = Self::empty(db, user, statistics)? else { return Ok(None) };
        let prefixes = prefix_terms(db, user, &of.statistics.language, &mut of.parser, parts)?;
        of.query = parse_parts(&mut of.parser, parts, &prefixes)?;
        let has_words = !of.query.is_empty() || !of.query.excluded.is_empty();
        Ok(has_words.then_some(of))
    }

    /// Looks for words that are like a typed one: their lexemes, each with its share, in as many texts.
    pub fn look_for_like(&mut self, typed: usize, like: Vec<LikeWord>) -> Result<()> {
        let mut lexemes: Vec<(Box<[u8]>, f32)> = Vec::new();
        let mut texts = 0.0;
        for LikeWord { word, share, texts: of_word } in like {
            for lexeme in self.parser.lexemes(&word, |form| form == &*word)? {
                let is_known = lexemes.iter().any(|(known, _)| *known == lexeme);
                if is_known || lexemes.len() < MAX_LIKE {
                    texts += share * of_word as f64;
                }
                if !is_known && lexemes.len() < MAX_LIKE {
                    lexemes.push((lexeme, share as f32));
                }
            }
        }
        if lexemes.is_empty() {
            return Ok(());
        }
        let texts = (texts as u64).min(self.statistics.chunks.texts);
        if let Some(term) = self.query.add(Term::Like { lexemes, texts }) {
            self.query.count(term, 1);
            self.query.replace(typed, &[term]);
        }
        Ok(())
    }

    /// Parses another word in the place of a typed one.
    pub fn replace(&mut self, typed: usize, word: &str) -> Result<()> {
        let part = QueryPart { text: word, kind: QueryPartKind::Word, is_excluded: false };
        let mut terms = Vec::new();
        for read in words_of(&mut self.parser, &part)?.0 {
            for term in read.terms {
                if let Some(number) = self.query.add(term) {
                    self.query.count(number, 1);
                    terms.push(number);
                }
            }
        }
        self.query.replace(typed, &terms);
        Ok(())
    }
}

/// Parses a query in each language of the user's documents. Skips languages in which it has no words.
/// Without `has_operators`, quotes and signs are punctuation.
pub fn parse(
    db: &Db,
    user: Uuid,
    query: Option<&str>,
    has_operators: bool,
) -> Result<Vec<LanguageQuery>> {
    let query = query.unwrap_or_default();
    let parts = parts(&query[..query.floor_char_boundary(MAX_QUERY)], has_operators);
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    db.silence_notices();
    let mut queries = Vec::new();
    for statistics in statistics::of_user(db, user)? {
        queries.extend(LanguageQuery::new(db, user, statistics, &parts)?);
    }
    Ok(queries)
}

/// Builds the terms of prefixes, with the lexemes of the user's words that begin with them.
fn prefix_terms(
    db: &Db,
    user: Uuid,
    language: &str,
    parser: &mut Parser,
    parts: &[QueryPart],
) -> Result<Vec<Term>> {
    let is_prefix = |part: &&QueryPart| part.kind == QueryPartKind::Prefix;
    let prefixes: Vec<String> = parts
        .iter()
        .filter(is_prefix)
        .map(|part| normalize(part.text.trim_matches(AROUND)))
        .collect();
    let terms = prefixes.into_iter().map(|prefix| {
        let beginning = Beginning::new(&prefix);
        let mut words = String::new();
        if !prefix.is_empty() {
            statistics::find_words(db, user, language, &beginning, |word, _, ()| {
                words.push_str(word);
                words.push('\n');
            })?;
        }
        let lexemes = parser.lexemes(&words, |form| beginning.is_of(form))?;
        Ok(Term::Prefix { beginning, lexemes })
    });
    terms.collect()
}

fn parse_parts(parser: &mut Parser, parts: &[QueryPart], prefixes: &[Term]) -> Result<Query> {
    let mut query = Query::default();
    let mut prefixes = prefixes.iter();
    let mut pairs = Pairs::default();
    for part in parts {
        check_for_interrupts();
        if query.terms.len() == Query::MAX_TERMS || query.excluded.len() == MAX_PHRASES {
            break;
        }
        let (words, positions) = match part.kind {
            QueryPartKind::Prefix => {
                (prefixes.next().cloned().map(prefix_word).into_iter().collect(), 1)
            }
            _ => words_of(parser, part)?,
        };
        if part.is_excluded {
            let phrase = phrase_of(&words);
            query.excluded.extend((!phrase.is_empty()).then_some(phrase));
            continue;
        }
        add_words(&mut query, &words);
        pairs.add(&mut query, &words, positions);
        if part.kind == QueryPartKind::Phrase && query.required.len() < MAX_PHRASES {
            let phrase = phrase_of(&words);
            query.required.extend((!phrase.is_empty()).then_some(phrase));
        }
    }
    Ok(query)
}

/// Word of a query with its terms.
struct ReadWord {
    terms: Vec<Term>,
    position: u32,
    role: Role,
    /// Normalised form, of words that may be mistyped.
    typed: Option<Box<str>>,
}

fn prefix_word(term: Term) -> ReadWord {
    ReadWord { terms: vec![term], position: 1, role: Role::Word, typed: None }
}

/// Pairs of words that follow each other, over the parts of a query.
#[derive(Default)]
struct Pairs {
    /// Term and position of the word before.
    last: Option<(u16, u32)>,
    /// Positions of the parts before.
    position: u32,
}

impl Pairs {
    /// Maximum number of positions from one word to the next.
    const MAX_DISTANCE: u32 = 4;
    /// Maximum number of pairs.
    const MAX_PAIRS: usize = 32;

    /// Adds the pairs that a part's words make, which stand at some positions.
    fn add(&mut self, query: &mut Query, words: &[ReadWord], positions: u32) {
        for word in words.iter().filter(|word| word.role == Role::Word) {
            let position = self.position + word.position;
            let term = word.terms.first().and_then(|term| query.number(term));
            let Some(term) = term.filter(|_| self.last.is_none_or(|(_, last)| last < position))
            else {
                continue;
            };
            if let Some((first, last)) = self.last.replace((term, position))
                && position - last <= Self::MAX_DISTANCE
                && query.pairs.len() < Self::MAX_PAIRS
            {
                let distance = (position - last) as u16;
                query.pairs.push(Pair { first, second: term, distance });
            }
        }
        self.position += positions.max(1);
    }
}

/// Reads the words of a part. Returns the number of positions as well. Stop words are left out.
fn words_of(parser: &mut Parser, part: &QueryPart) -> Result<(Vec<ReadWord>, u32)> {
    let mut words: Vec<ReadWord> = Vec::new();
    let mut positions = 0;
    // End of a word of letters and digits: `python3` is looked for as it is, not as `python` and `3`.
    let mut glued_until = 0;
    let is_analyzed = parser.for_each_word(part.text, |word, lexemes| {
        positions = word.position;
        let (start, end) = word.span.unwrap_or((glued_until, glued_until));
        if word.role == Role::Whole && is_glued(&part.text[start..end]) {
            glued_until = end;
        }
        let is_part = matches!(word.role, Role::Group | Role::Part);
        if !(lexemes.is_empty() || is_part && start < glued_until) {
            // A word is one term, whatever its variants: it must not count twice.
            if let Some(before) = words.last_mut()
                && word.variant != Variant::Written
                && before.position == word.position
                && before.role == word.role
                && let ([Term::Word(of_word)], [lexeme]) = (&mut before.terms[..], &lexemes[..])
            {
                if !of_word.iter().any(|known| **known == **lexeme) {
                    of_word.push((*lexeme).into());
                }
                return;
            }
            let terms = lexemes.into_iter().map(term).collect();
            let may_be_typed = part.kind == QueryPartKind::Word && word.variant == Variant::Written;
            let typed = may_be_typed.then(|| word.form.into());
            words.push(ReadWord { terms, position: word.position, role: word.role, typed });
        }
    })?;
    if !is_analyzed {
        words = words_of_vector(&parser.parse(part.text)?);
        positions = words.last().map_or(0, |word| word.position);
    }
    Ok((words, positions))
}

/// Words of a vector, for configurations that the analyzer does not read.
fn words_of_vector(vector: &[u8]) -> Vec<ReadWord> {
    let mut words: Vec<ReadWord> = Vec::new();
    if let Ok(view) = View::parse(vector) {
        for (lexeme, positions) in view.iter() {
            words.extend(positions.map(|position| ReadWord {
                terms: vec![term(lexeme)],
                position: position.position.into(),
                role: Role::Word,
                typed: None,
            }));
        }
    }
    words.sort_by_key(|word| word.position);
    words
}

/// True for a word of letters and digits without any sign.
fn is_glued(text: &str) -> bool {
    text.chars().all(char::is_alphanumeric) && text.contains(|c: char| c.is_ascii_digit())
}

/// Adds words to a query: their terms, and which of these match each word.
fn add_words(query: &mut Query, words: &[ReadWord]) {
    let mut last: Option<(u32, Role)> = None;
    // Terms at the position. Variants of a word, such as `Häuser` and `Hauser`, often share their lexeme.
    let mut counted: (u32, Vec<u16>) = (0, Vec::new());
    for word in words {
        let terms: Vec<u16> =
            word.terms.iter().filter_map(|term| query.add(term.clone())).collect();
        if counted.0 != word.position {
            counted = (word.position, Vec::new());
        }
        for term in &terms {
            if !counted.1.contains(term) {
                counted.1.push(*term);
                query.count(*term, 1);
            }
        }
        let is_variant = last == Some((word.position, word.role));
        match (word.role, query.words.last_mut()) {
            // Counts for ranking alone: the compound has all of its parts.
            (Role::Group, _) => continue,
            (Role::Part, Some(compound)) if is_variant => {
                compound.parts.last_mut().into_iter().for_each(|part| part.extend(&terms));
            }
            (Role::Part, Some(compound)) if last.is_some_and(|(_, role)| role != Role::Word) => {
                compound.parts.push(terms);
            }
            (Role::Part, _) => {
                query.words.push(QueryWord { parts: vec![terms], ..QueryWord::default() });
            }
            (Role::Word | Role::Whole, Some(same)) if is_variant => same.whole.extend(terms),
            (Role::Word | Role::Whole, _) => {
                query.words.push(QueryWord { whole: terms, ..QueryWord::default() });
            }
        }
        last = Some((word.position, word.role));
        if query.typed.len() == MAX_TYPED {
            continue;
        }
        if let (Some(form), Some(word)) = (&word.typed, query.words.len().checked_sub(1)) {
            let part = query.words[word].parts.len().checked_sub(1);
            query.typed.push(TypedWord { form: form.clone(), word, part });
        }
    }
}

/// Phrase of words: at each position, any of its terms.
fn phrase_of(words: &[ReadWord]) -> Phrase {
    let mut terms: Vec<(u32, &Term)> = Vec::new();
    for word in words {
        terms.extend(word.terms.iter().map(|term| (word.position, term)));
    }
    terms.sort_by_key(|(position, _)| *position);
    let first = terms.first().map_or(0, |(position, _)| *position);
    terms
        .chunk_by(|a, b| a.0 == b.0)
        .take(MAX_PHRASE)
        .map(|at| PhrasePosition {
            offset: u16::try_from(at[0].0 - first).unwrap_or(u16::MAX),
            terms: at.iter().map(|(_, term)| (*term).clone()).collect(),
        })
        .collect()
}

fn term(lexeme: &[u8]) -> Term {
    Term::Word(vec![lexeme.into()])
}
