//! Parsing of a query in each language of a user's documents.

use super::keys::KeyQueries;
use super::statistics::{self, LanguageStatistics};
use crate::documents::Parser;
use crate::pg::error::{Result, check_for_interrupts};
use crate::pg::spi::Db;
use carrel_core::ranking::{
    Phrase, PhrasePosition, Query, QueryPart, QueryPartKind, QueryWord, Term, parts,
};
use carrel_core::text::Role;
use carrel_core::tsvector::View;
use pgrx::datum::Uuid;

/// Maximum bytes of a query; the rest is ignored.
const MAX_QUERY: usize = 32_000;

/// Maximum number of phrases, and of excluded words; the rest is ignored.
const MAX_PHRASES: usize = 64;

/// Query in one language, with statistics of the user's texts in that language.
pub struct LanguageQuery {
    pub statistics: LanguageStatistics,
    pub parser: Parser,
    pub query: Query,
    pub keys: KeyQueries,
}

impl LanguageQuery {
    /// All terms to look for in indexes, excluded ones as well.
    pub fn indexed_terms(&self) -> impl Iterator<Item = &Term> {
        let excluded = self.query.excluded.iter().flatten().flat_map(|position| &position.terms);
        self.query.terms.iter().chain(excluded)
    }
}

/// Parses a query in each language of the user's documents. Skips languages in which it has no words.
pub fn parse(db: &Db, user: Uuid, query: Option<&str>) -> Result<Vec<LanguageQuery>> {
    let query = query.unwrap_or_default();
    let parts = parts(&query[..query.floor_char_boundary(MAX_QUERY)]);
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    db.silence_notices();
    let mut queries = Vec::new();
    for statistics in statistics::of_user(db, user)? {
        // The configuration may have been dropped since.
        let Some(mut parser) = Parser::find(db, &statistics.language)? else { continue };
        let query = parse_parts(&mut parser, &parts)?;
        if !query.is_empty() || !query.excluded.is_empty() {
            let keys = KeyQueries::new(user, &statistics.language);
            queries.push(LanguageQuery { statistics, parser, query, keys });
        }
    }
    Ok(queries)
}

fn parse_parts(parser: &mut Parser, parts: &[QueryPart]) -> Result<Query> {
    let mut query = Query::default();
    for part in parts {
        check_for_interrupts();
        if query.terms.len() == Query::MAX_TERMS || query.excluded.len() == MAX_PHRASES {
            break;
        }
        let words = words_of(parser, part)?;
        if part.is_excluded {
            let phrase = phrase_of(&words);
            query.excluded.extend((!phrase.is_empty()).then_some(phrase));
            continue;
        }
        add_words(&mut query, &words);
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
}

/// Reads the words of a part. Stop words are left out.
fn words_of(parser: &mut Parser, part: &QueryPart) -> Result<Vec<ReadWord>> {
    let mut words: Vec<ReadWord> = Vec::new();
    // End of a word of letters and digits: `python3` is looked for as it is, not as `python` and `3`.
    let mut glued_until = 0;
    let is_analyzed = parser.for_each_word(part.text, |word, lexemes| {
        let (start, end) = word.span.unwrap_or((glued_until, glued_until));
        if word.role == Role::Whole && is_glued(&part.text[start..end]) {
            glued_until = end;
        }
        let is_part = matches!(word.role, Role::Group | Role::Part);
        if !(lexemes.is_empty() || is_part && start < glued_until) {
            let terms = lexemes.into_iter().map(term).collect();
            words.push(ReadWord { terms, position: word.position, role: word.role });
        }
    })?;
    if !is_analyzed {
        words = words_of_vector(&parser.parse(part.text)?);
    }
    if part.kind == QueryPartKind::Prefix {
        // A text that gives no lexeme (unknown, or a stop word) may still be the beginning of a word.
        if words.is_empty() && part.text.chars().all(char::is_alphanumeric) {
            let terms = vec![term(part.text.to_lowercase().as_bytes())];
            words.push(ReadWord { terms, position: 1, role: Role::Word });
        }
        if let Some(last) = words.iter().map(|word| word.position).max() {
            let last_words = words.iter_mut().filter(|word| word.position == last);
            last_words.flat_map(|word| &mut word.terms).for_each(|term| term.is_prefix = true);
        }
    }
    Ok(words)
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
                query.count(*term);
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
        .map(|at| PhrasePosition {
            offset: u16::try_from(at[0].0 - first).unwrap_or(u16::MAX),
            terms: at.iter().map(|(_, term)| (*term).clone()).collect(),
        })
        .collect()
}

fn term(lexeme: &[u8]) -> Term {
    Term { lexeme: lexeme.into(), is_prefix: false }
}
