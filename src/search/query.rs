//! Parsing of a query in each language of a user's documents.

use super::keys::KeyQueries;
use super::statistics::{self, LanguageStatistics};
use crate::documents::{NameSplitting, Parser};
use crate::pg::error::{Result, check_for_interrupts};
use crate::pg::spi::Db;
use carrel_core::ranking::{Phrase, PhrasePosition, Query, QueryPart, QueryPartKind, Term, parts};
use carrel_core::tsvector::View;
use pgrx::datum::Uuid;

/// Maximum bytes of a query; the rest is ignored.
const MAX_QUERY: usize = 32_000;

/// Maximum number of terms; the rest is ignored. A tsquery of many more terms exhausts the stack.
const MAX_TERMS: usize = 500;

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
    let add = |query: &mut Query, term: Term| {
        if query.terms.len() < MAX_TERMS && !query.terms.contains(&term) {
            query.terms.push(term);
        }
    };
    for part in parts {
        check_for_interrupts();
        if query.terms.len() == MAX_TERMS || query.excluded.len() == MAX_PHRASES {
            break;
        }
        if part.kind == QueryPartKind::Word && !part.is_excluded {
            for position in parse_part(parser, part, NameSplitting::Split)? {
                position.terms.into_iter().for_each(|term| add(&mut query, term));
            }
            continue;
        }
        let phrase = parse_part(parser, part, NameSplitting::Whole)?;
        if phrase.is_empty() {
            continue;
        }
        if part.is_excluded {
            query.excluded.push(phrase);
            continue;
        }
        for term in phrase.iter().flat_map(|position| &position.terms) {
            add(&mut query, term.clone());
        }
        if part.kind == QueryPartKind::Phrase && query.required.len() < MAX_PHRASES {
            query.required.push(phrase);
        }
    }
    Ok(query)
}

/// Parses a part of a query. Returns its lexemes in the order of the text.
fn parse_part(parser: &mut Parser, part: &QueryPart, names: NameSplitting) -> Result<Phrase> {
    let vector = parser.parse(part.text, names)?;
    let mut words: Vec<(u16, &[u8])> = Vec::new();
    if let Ok(view) = View::parse(&vector) {
        for (lexeme, positions) in view.iter() {
            words.extend(positions.map(|position| (position.position, lexeme)));
        }
    }
    words.sort_unstable();
    let first = words.first().map_or(0, |(position, _)| *position);
    let mut phrase: Phrase = words
        .chunk_by(|a, b| a.0 == b.0)
        .map(|words| PhrasePosition {
            offset: words[0].0 - first,
            terms: words.iter().map(|(_, lexeme)| term(lexeme)).collect(),
        })
        .collect();
    if part.kind == QueryPartKind::Prefix {
        // A text that gives no lexeme (unknown, or a stop word) may still be the beginning of a word.
        if phrase.is_empty() && part.text.chars().all(char::is_alphanumeric) {
            let terms = vec![term(part.text.to_lowercase().as_bytes())];
            phrase.push(PhrasePosition { offset: 0, terms });
        }
        for term in phrase.last_mut().into_iter().flat_map(|position| &mut position.terms) {
            term.is_prefix = true;
        }
    }
    Ok(phrase)
}

fn term(lexeme: &[u8]) -> Term {
    Term { lexeme: lexeme.into(), is_prefix: false }
}
