//! search_documents(): ranked documents.

use super::filter::Filter;
use super::found::{Found, Search};
use super::page::{Page, Total};
use super::passages;
use super::query::LanguageQuery;
use super::ranking::SearchHit;
use super::search_chunks::meant;
use crate::pg::error::{Result, check_for_interrupts, guard};
use crate::pg::values::Jsonb;
use pgrx::JsonB;
use pgrx::datum::{Interval, Uuid};
use pgrx::prelude::*;

/// Returns the caller's documents that match a query best, best first.
///
/// A document ranks by its best chunk, which `snippet` is from; `matched_chunks` is the number of its
/// chunks that have a word of the query. Required phrases may be in different chunks, or begin in one
/// and end in the next. Arguments, further columns, callers and errors as for search_chunks().
#[pg_extern(stable, parallel_restricted)]
fn search_documents(
    query: Option<&str>,
    max_results: default!(Option<i32>, 10),
    result_offset: default!(Option<i32>, 0),
    file_types: default!(Option<Vec<Option<String>>>, "null"),
    metadata: default!(Option<Jsonb>, "null"),
    created_after: default!(Option<TimestampWithTimeZone>, "null"),
    created_before: default!(Option<TimestampWithTimeZone>, "null"),
    document_ids: default!(Option<Vec<Option<Uuid>>>, "null"),
    query_embedding: default!(Option<&str>, "null"),
    exclude_metadata: default!(Option<Jsonb>, "null"),
    operators: default!(Option<bool>, "true"),
    recency: default!(Option<Interval>, "null"),
) -> TableIterator<
    'static,
    (
        name!(document_id, Uuid),
        name!(filename, String),
        name!(score, f32),
        name!(snippet, String),
        name!(matched_chunks, i32),
        name!(matched, String),
        name!(meant, Option<JsonB>),
        name!(total, i32),
        name!(total_is_exact, bool),
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
        let search = Search::of_caller(query, operators, query_embedding, recency, &filter)?;
        let page = Page::new(max_results, result_offset)?;
        let found = search.documents()?;
        let total = Total::of(&found)?;
        let Found { hits, queries, corrections, .. } = found;
        let corrections = meant(&corrections);
        let mut rows = Vec::new();
        for document in best_documents(hits, queries, &page)? {
            rows.push((
                document.id,
                document.filename,
                document.score,
                document.snippet,
                document.matched_chunks,
                document.matched.to_owned(),
                corrections.as_ref().map(|JsonB(value)| JsonB(value.clone())),
                total.count,
                total.is_exact,
            ));
        }
        Ok(rows)
    });
    TableIterator::new(rows)
}

/// Document of a page.
pub struct BestDocument {
    pub id: Uuid,
    pub filename: String,
    pub score: f32,
    pub snippet: String,
    pub matched_chunks: i32,
    pub matched: &'static str,
}

/// Fetches a page of the documents that were found.
pub fn best_documents(
    hits: Vec<SearchHit>,
    mut queries: Vec<LanguageQuery>,
    page: &Page,
) -> Result<Vec<BestDocument>> {
    let best = page.fill(
        hits,
        |db, hits| Ok(passages::fetch_documents(db, hits)?.len()),
        passages::fetch_documents,
    )?;
    let mut documents = Vec::with_capacity(best.len());
    for (hit, document) in best {
        check_for_interrupts();
        let snippet = match document.best_content {
            Some(content) => passages::snippet(hit.query.map(|n| &mut queries[n]), &content)?,
            None => document.filename.clone(),
        };
        documents.push(BestDocument {
            id: Uuid::from_bytes(hit.document),
            filename: document.filename,
            score: hit.score,
            snippet,
            matched_chunks: document.matched_chunks,
            matched: hit.matched_by.name(),
        });
    }
    Ok(documents)
}
