//! From what a person typed to what Postgres can look for, in each language of a user's documents.

use crate::documents::Parser;
use crate::error::Result;
use crate::spi::Db;
use carrel_core::tsvector::View;
use pgrx::datum::Uuid;
use pgrx::pg_sys;

/// What is read of a query, in bytes; more words than this holds decide nothing.
const MAX_QUERY: usize = 32_000;

/// Words of a query that are looked for, the first ones; beyond, a tsquery is deep enough to exhaust a stack.
const MAX_WORDS: usize = 500;

/// A query as one text search configuration reads it.
pub struct LanguageQuery {
    pub language: String,
    pub config: pg_sys::Oid,
    /// A tsquery, as text, that any of the words satisfies.
    pub any: String,
    /// One that only all of them satisfy.
    pub all: String,
}

/// The query in every language of the user's documents in which it has words.
pub fn of_user(db: &Db, user: Uuid, query: Option<&str>) -> Result<Vec<LanguageQuery>> {
    let query = query.unwrap_or_default();
    let mut end = query.len().min(MAX_QUERY);
    while !query.is_char_boundary(end) {
        end -= 1;
    }
    let query = &query[..end];
    if query.trim().is_empty() {
        return Ok(Vec::new());
    }
    db.silence_notices();
    let languages = db.rows(
        "select distinct language from carrel.documents where user_id = $1 order by language",
        &[user.into()],
        |row| row.need::<String>(1),
    )?;
    let mut queries = Vec::new();
    for language in languages {
        // A configuration that was dropped since finds nothing.
        let Some(mut parser) = Parser::find(db, &language)? else { continue };
        let words = words(&parser.parse(query)?);
        if !words.is_empty() {
            queries.push(LanguageQuery {
                language,
                config: parser.config(),
                any: words.join(" | "),
                all: words.join(" & "),
            });
        }
    }
    Ok(queries)
}

/// The lexemes of a tsvector, quoted for a tsquery, in the order in which they were typed.
fn words(vector: &[u8]) -> Vec<String> {
    let Ok(view) = View::parse(vector) else { return Vec::new() };
    let mut words: Vec<(u16, &[u8])> = view
        .iter()
        .map(|(lexeme, mut positions)| (positions.next().map_or(0, |first| first.position), lexeme))
        .collect();
    words.sort_unstable();
    words
        .into_iter()
        .take(MAX_WORDS)
        .map(|(_, lexeme)| {
            let lexeme = String::from_utf8_lossy(lexeme);
            format!("'{}'", lexeme.replace('\\', "\\\\").replace('\'', "''"))
        })
        .collect()
}
