//! Ranked search of the caller's own documents.
//!
//! Candidates are read and ranked as the owner, restricted to the caller's rows by the queries: with
//! row-level security, `@@` could not use an index, because it is not leakproof. The ranked rows are
//! then fetched as the caller, so policies that an operator adds hold for search as well.
//!
//! - [`query`] parses a query; [`filter`] restricts documents
//! - [`candidates`] reads chunks and names with any term, by search [`keys`]; [`top_k`] only the best,
//!   if there are many
//! - [`ranking`] scores them by BM25, with [`statistics`]
//! - [`nearest`] ranks chunks by embeddings; [`hybrid`] fuses both rankings
//! - [`passages`] fetches the results; [`context`] builds a prompt from them

mod candidates;
mod context;
mod filter;
mod hybrid;
mod keys;
mod nearest;
mod passages;
mod query;
mod ranking;
mod settings;
mod statistics;
mod top_k;

use crate::identity;
use crate::pg::error::{Error, Result, SqlState, check_for_interrupts, guard};
use crate::pg::spi::{self, Access, Db};
use crate::pg::values::Jsonb;
use filter::Filter;
use hybrid::{ChunkSearch, ChunkSearchResult};
use passages::{FetchedChunk, Passage};
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use query::LanguageQuery;
use ranking::{SearchHit, split_off_best};
use std::collections::HashSet;

/// Registers the settings of search.
pub fn register_settings() {
    settings::register();
}

/// Returns the chunks of the caller's documents that match a query best, best first.
///
/// Query: words are optional, and rare words count more. In a query of up to ten words, "quoted
/// phrases" are required, -word is excluded, and conf* matches words that begin with conf; longer
/// queries are prose. A query without words and embedding has no results.
/// `matched` is `all` or `some` (words), or `embedding`. `snippet` highlights words with <mark>. `context_chunks` extends `content` and its offsets by that number of chunks before and
/// after.
///
/// With `query_embedding`, chunks with near embeddings match as well. The rankings by BM25 and by
/// cosine are combined by reciprocal rank fusion.
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
    ),
> {
    let filter = Filter { document_ids, file_types, metadata, created_after, created_before };
    let rows = guard(move || {
        let user = identity::require()?;
        let page = Page::new(max_results, result_offset)?;
        let context_chunks = not_negative("context_chunks", context_chunks)?;
        let (mut queries, best) = best_chunks(user, query, query_embedding, &filter, &page)?;
        let mut rows = Vec::with_capacity(best.len());
        for (hit, chunk) in best {
            check_for_interrupts();
            let snippet = passages::snippet(hit.query.map(|n| &mut queries[n]), &chunk.content)?;
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
            ));
        }
        Ok(rows)
    });
    TableIterator::new(rows)
}

/// Returns the caller's documents that match a query best, best first.
///
/// A document ranks by its best chunk, which `snippet` is from; `matched_chunks` is the number of its
/// matching chunks. Required phrases may be in different chunks. Arguments, callers and errors as for
/// search_chunks().
#[pg_extern(stable, parallel_restricted)]
fn search_documents(
    query: Option<&str>,
    max_results: default!(Option<i32>, 10),
    result_offset: default!(Option<i32>, 0),
    file_types: default!(Option<Vec<Option<String>>>, "null"),
    metadata: default!(Option<Jsonb>, "null"),
    created_after: default!(Option<TimestampWithTimeZone>, "null"),
    created_before: default!(Option<TimestampWithTimeZone>, "null"),
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
    let filter = Filter { document_ids: None, file_types, metadata, created_after, created_before };
    let rows = guard(move || {
        let user = identity::require()?;
        let page = Page::new(max_results, result_offset)?;
        let (mut queries, hits) = spi::as_owner(Access::Read, |db| {
            db.planned_once(|| {
                let mut queries = query::parse(db, user, query)?;
                let hits = ranking::rank_documents(db, user, &mut queries, &filter)?;
                Ok((queries, hits))
            })
        })?;
        let best = page.fill(
            hits,
            |db, hits| Ok(passages::fetch_documents(db, hits)?.len()),
            passages::fetch_documents,
        )?;
        let mut rows = Vec::with_capacity(best.len());
        for (hit, document) in best {
            check_for_interrupts();
            let snippet = match document.best_content {
                Some(content) => passages::snippet(hit.query.map(|n| &mut queries[n]), &content)?,
                None => document.filename.clone(),
            };
            rows.push((
                Uuid::from_bytes(hit.document),
                document.filename,
                hit.score,
                snippet,
                document.matched_chunks,
            ));
        }
        Ok(rows)
    });
    TableIterator::new(rows)
}

/// Finds a page of the chunks that match best. Returns the query as parsed in each language as well.
fn best_chunks(
    user: Uuid,
    query: Option<&str>,
    embedding: Option<&str>,
    filter: &Filter,
    page: &Page,
) -> Result<(Vec<LanguageQuery>, Vec<(SearchHit, FetchedChunk)>)> {
    if page.size == 0 {
        return Ok((Vec::new(), Vec::new()));
    }
    let search = |wanted| {
        let search = ChunkSearch { user, query, embedding, filter, wanted };
        spi::as_owner(Access::Read, |db| db.planned_once(|| hybrid::search(db, &search)))
    };
    let fill = |hits| page.fill(hits, passages::count_visible_chunks, passages::fetch_chunks);
    let ChunkSearchResult { queries, hits: first, is_complete } =
        search(Some(page.offset.saturating_add(page.size)))?;
    if is_complete {
        return Ok((queries, fill(first)?));
    }
    let best = fill(first.clone())?;
    if best.len() == page.size {
        return Ok((queries, best));
    }
    // Policies hide some of the best hits, or there are not enough of them: a second search finds all.
    // Its other hits come after the first ones, so all pages have one order.
    let known: HashSet<_> = first.iter().filter_map(|hit| hit.chunk).collect();
    let ChunkSearchResult { queries, mut hits, .. } = search(None)?;
    hits.retain(|hit| hit.chunk.is_none_or(|chunk| !known.contains(&chunk)));
    hits.iter_mut().for_each(|hit| hit.is_of_second_search = true);
    hits.extend(first);
    Ok((queries, fill(hits)?))
}

/// Checks an argument that must not be null or negative: 22023.
fn not_negative(name: &str, value: Option<i32>) -> Result<usize> {
    value.and_then(|value| usize::try_from(value).ok()).ok_or_else(|| {
        let given = value.map_or("null".to_owned(), |value| value.to_string());
        Error::new(SqlState::InvalidParameterValue, format!("{name} must be from 0: {given}"))
    })
}

/// Page of the ranked results.
struct Page {
    offset: usize,
    size: usize,
}

impl Page {
    fn new(max_results: Option<i32>, result_offset: Option<i32>) -> Result<Self> {
        Ok(Self {
            offset: not_negative("result_offset", result_offset)?,
            size: not_negative("max_results", max_results)?,
        })
    }

    /// Fetches the hits of this page, among the hits that the caller may see.
    ///
    /// `fetch` leaves out hits that policies hide; later hits take their places. `count_visible` counts
    /// the visible ones among the hits that the page's offset skips.
    fn fill<T>(
        &self,
        mut hits: Vec<SearchHit>,
        count_visible: impl Fn(&Db, &[SearchHit]) -> Result<usize>,
        fetch: impl Fn(&Db, &[SearchHit]) -> Result<Vec<(usize, T)>>,
    ) -> Result<Vec<(SearchHit, T)>> {
        let mut skip = self.offset;
        let mut page = Vec::new();
        // Fetches more each time: if few hits are visible, their number must not decide the number of
        // statements.
        let mut at_least = 0;
        while page.len() < self.size && !hits.is_empty() {
            let is_skipped = skip > 0;
            let rest = split_off_best(
                &mut hits,
                if is_skipped { skip } else { at_least.max(self.size - page.len()) },
            );
            at_least = (2 * at_least).max(256);
            if is_skipped {
                skip -= spi::as_caller(Access::Read, |db| {
                    db.planned_once(|| count_visible(db, &hits))
                })?;
            } else {
                let mut fetched =
                    spi::as_caller(Access::Read, |db| db.planned_once(|| fetch(db, &hits)))?;
                fetched.reverse();
                for (index, hit) in hits.into_iter().enumerate() {
                    if let Some((_, row)) = fetched.pop_if(|(fetched, _)| *fetched == index) {
                        page.push((hit, row));
                    }
                }
            }
            hits = rest;
        }
        page.truncate(self.size);
        Ok(page)
    }
}
