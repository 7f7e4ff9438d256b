//! From what a person typed to what is looked for, in each language of a user's documents.

use super::keys::Keys;
use super::statistics::{self, Statistics};
use crate::documents::{NameSplitting, Parser};
use crate::pg::error::{Result, check_for_interrupts};
use crate::pg::spi::Db;
use carrel_core::ranking::{Part, PartKind, Phrase, PhrasePosition, Query, Term, parts};
use carrel_core::tsvector::View;
use pgrx::datum::Uuid;

/// What is read of a query, in bytes; more words than this holds decide nothing.
const MAX_QUERY: usize = 32_000;

/// Words of a query that are looked for, the first ones; beyond, a tsquery is deep enough to exhaust a stack.
const MAX_TERMS: usize = 500;

/// Phrases, and words that are not wanted, of a query; the first ones.
const MAX_PHRASES: usize = 64;

/// A query as one text search configuration reads it, and the texts that it is for.
pub struct LanguageQuery {
    pub statistics: Statistics,
    pub parser: Parser,
    pub query: Query,
    pub keys: Keys,
}

impl LanguageQuery {
    /// All terms that are looked for, those that are not wanted as well.
    pub fn looked_for(&self) -> impl Iterator<Item = &Term> {
        let excluded = self.query.excluded.iter().flatten().flat_map(|place| &place.terms);
        self.query.terms.iter().chain(excluded)
    }
}

/// The query in every language of the user's documents in which it has words, wanted or not.
pub fn of_user(db: &Db, user: Uuid, query: Option<&str>) -> Result<Vec<LanguageQuery>> {
    let query = query.unwrap_or_default();
    let parts = parts(&query[..query.floor_char_boundary(MAX_QUERY)]);
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    db.silence_notices();
    let mut queries = Vec::new();
    for statistics in statistics::of_user(db, user)? {
        // A configuration that was dropped since finds nothing.
        let Some(mut parser) = Parser::find(db, &statistics.language)? else { continue };
        let query = read(&mut parser, &parts)?;
        if !query.is_empty() || !query.excluded.is_empty() {
            let keys = Keys::new(user, &statistics.language);
            queries.push(LanguageQuery { statistics, parser, query, keys });
        }
    }
    Ok(queries)
}

fn read(parser: &mut Parser, parts: &[Part]) -> Result<Query> {
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
        if part.kind == PartKind::Word && !part.is_excluded {
            for place in places(parser, part, NameSplitting::Split)? {
                place.terms.into_iter().for_each(|term| add(&mut query, term));
            }
            continue;
        }
        let phrase = places(parser, part, NameSplitting::Whole)?;
        if phrase.is_empty() {
            continue;
        }
        if part.is_excluded {
            query.excluded.push(phrase);
            continue;
        }
        for term in phrase.iter().flat_map(|place| &place.terms) {
            add(&mut query, term.clone());
        }
        if part.kind == PartKind::Phrase && query.required.len() < MAX_PHRASES {
            query.required.push(phrase);
        }
    }
    Ok(query)
}

/// The lexemes of a part, in the order in which they were typed.
fn places(parser: &mut Parser, part: &Part, names: NameSplitting) -> Result<Phrase> {
    let vector = parser.parse(part.text, names)?;
    let mut words: Vec<(u16, &[u8])> = Vec::new();
    if let Ok(view) = View::parse(&vector) {
        for (lexeme, positions) in view.iter() {
            words.extend(positions.map(|position| (position.position, lexeme)));
        }
    }
    words.sort_unstable();
    let first = words.first().map_or(0, |(position, _)| *position);
    let mut places: Phrase = words
        .chunk_by(|a, b| a.0 == b.0)
        .map(|words| PhrasePosition {
            offset: words[0].0 - first,
            terms: words.iter().map(|(_, lexeme)| term(lexeme)).collect(),
        })
        .collect();
    if part.kind == PartKind::Prefix {
        // What no dictionary knows, or all of them pass over, may still begin a word.
        if places.is_empty() && part.text.chars().all(char::is_alphanumeric) {
            let terms = vec![term(part.text.to_lowercase().as_bytes())];
            places.push(PhrasePosition { offset: 0, terms });
        }
        for term in places.last_mut().into_iter().flat_map(|place| &mut place.terms) {
            term.is_prefix = true;
        }
    }
    Ok(places)
}

fn term(lexeme: &[u8]) -> Term {
    Term { lexeme: lexeme.into(), is_prefix: false }
}
