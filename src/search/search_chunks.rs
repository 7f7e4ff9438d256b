//! search_chunks(): ranked chunks.

use super::filter::Filter;
use super::found::{Found, Search, Wanted};
use super::not_negative;
use super::page::{Page, Total};
use super::passages::{self, FetchedChunk, Passage};
use super::query::LanguageQuery;
use super::ranking::SearchHit;
use super::typos::Corrections;
use crate::pg::error::{Result, check_for_interrupts, guard};
use crate::pg::values::Jsonb;
use pgrx::JsonB;
use pgrx::datum::{Interval, Uuid};
use pgrx::prelude::*;
use std::collections::HashSet;

/// Returns the chunks of the caller's documents that match a query best, best first.
///
/// Query: words are optional, and rare words count more. In a query of up to ten words, "quoted
/// phrases" are required, -word is excluded, and conf* matches words that begin with conf; longer
/// queries are prose, and so is every query without `operators`. A word that occurs in none of the
/// caller's texts is taken for the nearest word that does: `meant` has both, as {"typed": "meant"}. If
/// none is near, words that share most of its letters are found. A query without words and embedding
/// has no results.
///
/// `matched` is `all` or `some` (words), `similar` (a word that was meant, or like one), or `embedding`. `snippet`
/// highlights words with <mark>. `context_chunks` extends `content` and its offsets by that number of
/// chunks before and after. `total` is the number of matches on all pages, `total_is_exact` false if there
/// may be more.
///
/// Filters: a document matches `metadata` if its metadata contains it, and not `exclude_metadata` if it
/// contains that; `created_before` is exclusive. With `recency`, new documents rank higher: a document
/// of that age has lost half of the boost, which doubles the score at most.
///
/// With `query_embedding`, chunks with near embeddings match as well. The score is then a weighted sum:
/// BM25, where 1 is the best of the query, and the cosine, where 0 is that of the average chunk.
///
/// Callable by users, and by services that act as a user. Errors: 28000 (no identity), 22023 (invalid
/// argument, not an embedding), 55000 (embeddings are not enabled).
#[pg_extern(stable, parallel_restricted)]
fn search_chunks(
    query: Option<&str>,
    max_results: default!(Option<i32>, 10),
    result_offset: default!(Option<i32>, 0),
    document_ids: default!(Option<Vec<Option<Uuid>>>, "null"),
    file_types: default!(Option<Vec<Option<String>>>, "null"),
    metadata: default!(Option<Jsonb>, "null"),
    created_after: default!(Option<TimestampWithTimeZone>, "null"),
    created_before: default!(Option<TimestampWithTimeZone>, "null"),
    context_chunks: default!(Option<i32>, 0),
    query_embedding: default!(Option<&str>, "null"),
    exclude_metadata: default!(Option<Jsonb>, "null"),
    operators: default!(Option<bool>, "true"),
    recency: default!(Option<Interval>, "null"),
) -> TableIterator<
    'static,
    (
        name!(chunk_id, Uuid),
        name!(document_id, Uuid),
        name!(filename, String),
        name!(chunk_index, i32),
        name!(section_title, Option<String>),
        name!(heading_path, Vec<String>),
        name!(content, String),
        name!(snippet, String),
        name!(start_offset, Option<i32>),
        name!(end_offset, Option<i32>),
        name!(score, f32),
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
        let context_chunks = not_negative("context_chunks", context_chunks)?;
        let found = search.chunks(Wanted::Nearest)?;
        let total = Total::of(&found)?;
        let corrections = meant(&found.corrections);
        let (mut queries, best) = best_chunks(&search, found, &page)?;
        let mut rows = Vec::with_capacity(best.len());
        for (hit, chunk) in best {
            check_for_interrupts();
            let query = hit.query.map(|n| &mut queries[n]);
            let snippet = passages::snippet(query, &chunk.content)?;
            let passage = match context_chunks {
                0 => Passage::of(&chunk),
                _ => passages::passage_around(&chunk, context_chunks)?,
            };
            rows.push((
                chunk.id,
                chunk.document,
                chunk.filename,
                chunk.index,
                chunk.section_title,
                chunk.heading_path,
                passage.content,
                snippet,
                passage.start,
                passage.end,
                hit.score,
                hit.matched_by.name().to_owned(),
                corrections.as_ref().map(|JsonB(value)| JsonB(value.clone())),
                total.count,
                total.is_exact,
            ));
        }
        Ok(rows)
    });
    TableIterator::new(rows)
}

/// Column `meant`: null if the query was taken as it is.
pub fn meant(corrections: &Corrections) -> Option<JsonB> {
    (!corrections.is_empty()).then(|| {
        let entry = |(typed, meant): (&String, &String)| (typed.clone(), meant.clone().into());
        JsonB(serde_json::Value::Object(corrections.iter().map(entry).collect()))
    })
}

/// Fetches a page of the chunks that were found. Returns the query as parsed as well.
pub fn best_chunks(
    search: &Search,
    found: Found,
    page: &Page,
) -> Result<(Vec<LanguageQuery>, Vec<(SearchHit, FetchedChunk)>)> {
    let fill = |hits| page.fill(hits, passages::count_visible_chunks, passages::fetch_chunks);
    if found.is_complete {
        return Ok((found.queries, fill(found.hits)?));
    }
    let best = fill(found.hits.clone())?;
    if best.len() == page.size {
        return Ok((found.queries, best));
    }
    // Policies hide some of the hits, or there are not enough of them: a second search finds all.
    // Its other hits come after the first ones, so all pages have one order.
    let known: HashSet<_> = found.hits.iter().filter_map(|hit| hit.chunk).collect();
    let Found { queries, mut hits, .. } = search.chunks(Wanted::All)?;
    hits.retain(|hit| hit.chunk.is_none_or(|chunk| !known.contains(&chunk)));
    hits.iter_mut().for_each(|hit| hit.is_of_second_search = true);
    hits.extend(found.hits);
    Ok((queries, fill(hits)?))
}
