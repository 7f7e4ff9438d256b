//! similar_documents(): documents about the same things as another one.

use super::filter::Filter;
use super::page::Page;
use super::query::LanguageQuery;
use super::ranking::rank_documents;
use super::search_documents::best_documents;
use crate::documents::malformed;
use crate::identity;
use crate::pg::error::{Error, Result, SqlState, check_for_interrupts, guard};
use crate::pg::spi::{self, Access, Db};
use crate::pg::values::Jsonb;
use carrel_core::ranking::{Frequency, Term};
use carrel_core::tsvector::{Lexemes, View};
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::collections::HashMap;

/// Number of a document's lexemes that are searched for: the most frequent ones. Rare ones among them
/// count more, as in any search.
const MAX_LEXEMES: usize = 100;

/// Returns the caller's documents that have most of the words that a document has, best first.
///
/// The document itself is left out. `score` is as in search_documents(); the filters as well. Callable by
/// users, and by services that act as a user. Errors: 28000 (no identity), PT404 (no such document),
/// 22023 (invalid argument).
#[pg_extern(stable, parallel_restricted)]
fn similar_documents(
    document_id: Option<Uuid>,
    max_results: default!(Option<i32>, 10),
    result_offset: default!(Option<i32>, 0),
    file_types: default!(Option<Vec<Option<String>>>, "null"),
    metadata: default!(Option<Jsonb>, "null"),
    created_after: default!(Option<TimestampWithTimeZone>, "null"),
    created_before: default!(Option<TimestampWithTimeZone>, "null"),
    document_ids: default!(Option<Vec<Option<Uuid>>>, "null"),
    exclude_metadata: default!(Option<Jsonb>, "null"),
) -> TableIterator<
    'static,
    (
        name!(document_id, Uuid),
        name!(filename, String),
        name!(score, f32),
        name!(snippet, String),
        name!(matched_chunks, i32),
    ),
> {
    let filter = Filter {
        document_ids,
        file_types,
        metadata,
        exclude_metadata,
        created_after,
        created_before,
    };
    let rows = guard(move || {
        let user = identity::require()?;
        let page = Page::new(max_results, result_offset)?;
        let document = document_id.ok_or_else(|| {
            Error::new(SqlState::InvalidParameterValue, "document_id must not be null")
        })?;
        let is_there = spi::as_caller(Access::Read, |db| {
            let sql = "select exists (select from carrel.documents where id = $1 and user_id = $2)";
            db.value::<bool>(sql, &[document.into(), user.into()])
        })?;
        if !is_there {
            return Err(Error::not_found("document", document));
        }
        let (queries, mut hits) = spi::as_owner(Access::Read, |db| {
            let mut queries = queries_like(db, user, document)?;
            let allowed = filter.documents(db, user)?;
            let ranked = rank_documents(db, user, &mut queries, allowed.as_ref())?;
            Ok((queries, ranked.hits))
        })?;
        hits.retain(|hit| hit.document != *document.as_bytes());
        let documents = best_documents(hits, queries, &page)?.into_iter().map(|document| {
            let id = document.id;
            (id, document.filename, document.score, document.snippet, document.matched_chunks)
        });
        Ok(documents.collect::<Vec<_>>())
    });
    TableIterator::new(rows)
}

/// Queries for the most frequent lexemes of a document, in the languages of its chunks.
fn queries_like(db: &Db, user: Uuid, document: Uuid) -> Result<Vec<LanguageQuery>> {
    let mut languages: HashMap<String, HashMap<Box<[u8]>, f64>> = HashMap::new();
    db.stream(
        include_str!("../../sql/search/vectors_of_document.sql"),
        &[user.into(), document.into()],
        |row| {
            check_for_interrupts();
            let lexemes = languages.entry(row.need(1)?).or_default();
            let read = row.with_bytes(2, |vector| {
                let view = View::open(vector).map_err(malformed)?;
                for (lexeme, positions) in view.iter() {
                    *lexemes.entry(lexeme.into()).or_default() +=
                        Frequency::of(positions, 0).weighted();
                }
                Ok(())
            })?;
            read.unwrap_or(Ok(()))
        },
    )?;
    let mut queries = Vec::new();
    for statistics in super::statistics::of_user(db, user)? {
        let Some(lexemes) = languages.remove(&statistics.language) else { continue };
        let mut lexemes: Vec<(Box<[u8]>, f64)> = lexemes.into_iter().collect();
        lexemes.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let Some(mut query) = LanguageQuery::empty(db, user, statistics)? else { continue };
        for (lexeme, frequency) in lexemes.into_iter().take(MAX_LEXEMES) {
            if let Some(term) = query.query.add(Term::Word(vec![lexeme])) {
                query.query.count(term, frequency as u32);
            }
        }
        queries.push(query);
    }
    Ok(queries)
}
