//! Ranked search of the caller's own documents.
//!
//! Candidates are ranked as the owner, with the caller's user id in the query's own text: under
//! row-level security `@@` is not leakproof and never reaches an index. What was ranked is then
//! fetched as the caller, so that every policy that an operator adds holds for search as well.
//!
//! [`query`] reads what was typed, [`candidates`] finds what has any of it, by [`keys`], and [`top`] only
//! the best, where that is very much; [`ranking`] scores it with [`statistics`]. [`nearest`] finds what
//! means the same, and [`hybrid`] makes both one order. [`passages`] shows what was found, and
//! [`context`] puts it into a prompt.

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
use hybrid::{Answer, Question};
use passages::{Chunk, Passage};
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use query::LanguageQuery;
use ranking::{Hit, best};
use std::collections::HashSet;

/// Registers the settings of search.
pub fn register_settings() {
    settings::register();
}

/// The chunks of the caller's documents that answer a query best, best first. Words are optional, and
/// rare ones count more; quoted phrases are binding, as is -word; conf* finds what begins so. matched
/// says whether all words were found or some. Snippets mark them with <mark>. With context_chunks, so
/// many chunks before and after are part of content, of which the offsets speak. With query_embedding,
/// chunks whose embeddings are near to it answer as well: what counts is the place by words and the place
/// by nearness, fused; matched says embedding where no word was found.
/// No identity: 28000; what is no embedding: 22023; no embeddings here: 55000. A query without words and
/// embedding has no results.
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
        let around = from_zero("context_chunks", context_chunks)?;
        let (mut queries, found) = best_chunks(user, query, query_embedding, &filter, &page)?;
        let mut rows = Vec::with_capacity(found.len());
        for (hit, chunk) in found {
            check_for_interrupts();
            let snippet = passages::snippet(hit.query.map(|n| &mut queries[n]), &chunk.content)?;
            let passage = match around {
                0 => Passage::of(&chunk),
                _ => passages::around(&chunk, around)?,
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
                hit.matched.name().to_owned(),
            ));
        }
        Ok(rows)
    });
    TableIterator::new(rows)
}

/// The caller's documents that answer a query best, best first, with the best passage of each and how
/// many of its chunks match. Words count wherever in a document they are. Arguments and errors as for
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
                let mut queries = query::of_user(db, user, query)?;
                let hits = ranking::documents(db, user, &mut queries, &filter)?;
                Ok((queries, hits))
            })
        })?;
        let found = page.fill(
            hits,
            |db, hits| Ok(passages::documents(db, hits)?.len()),
            passages::documents,
        )?;
        let mut rows = Vec::with_capacity(found.len());
        for (hit, document) in found {
            check_for_interrupts();
            let snippet = match document.best {
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

/// A query as each language reads it, and the page of the chunks that answer it best.
fn best_chunks(
    user: Uuid,
    query: Option<&str>,
    embedding: Option<&str>,
    filter: &Filter,
    page: &Page,
) -> Result<(Vec<LanguageQuery>, Vec<(Hit, Chunk)>)> {
    if page.size == 0 {
        return Ok((Vec::new(), Vec::new()));
    }
    let answer = |wanted| {
        let question = Question { user, query, embedding, filter, wanted };
        spi::as_owner(Access::Read, |db| db.planned_once(|| hybrid::chunks(db, &question)))
    };
    let fill = |hits| page.fill(hits, passages::visible_chunks, passages::chunks);
    let Answer { queries, hits: first, is_all } =
        answer(Some(page.offset.saturating_add(page.size)))?;
    if is_all {
        return Ok((queries, fill(first)?));
    }
    let found = fill(first.clone())?;
    if found.len() == page.size {
        return Ok((queries, found));
    }
    // Policies hide some of the best, or they are not as many: the others come after them, so that
    // every page is one of the same order.
    let known: HashSet<_> = first.iter().filter_map(|hit| hit.chunk).collect();
    let Answer { queries, mut hits, .. } = answer(None)?;
    hits.retain(|hit| hit.chunk.is_none_or(|chunk| !known.contains(&chunk)));
    hits.iter_mut().for_each(|hit| hit.is_late = true);
    hits.extend(first);
    Ok((queries, fill(hits)?))
}

fn from_zero(name: &str, value: Option<i32>) -> Result<usize> {
    value.and_then(|value| usize::try_from(value).ok()).ok_or_else(|| {
        let given = value.map_or("null".to_owned(), |value| value.to_string());
        Error::new(SqlState::InvalidParameterValue, format!("{name} must be from 0: {given}"))
    })
}

/// Which of the ranked results are asked for.
struct Page {
    offset: usize,
    size: usize,
}

impl Page {
    fn new(max_results: Option<i32>, result_offset: Option<i32>) -> Result<Self> {
        Ok(Self {
            offset: from_zero("result_offset", result_offset)?,
            size: from_zero("max_results", max_results)?,
        })
    }

    /// What `fetch` gives for the hits of this page, among those that the caller may see: it leaves out
    /// the others, of which `visible` says how many are not. Where policies hide some, others come up.
    fn fill<T>(
        &self,
        mut hits: Vec<Hit>,
        visible: impl Fn(&Db, &[Hit]) -> Result<usize>,
        fetch: impl Fn(&Db, &[Hit]) -> Result<Vec<(usize, T)>>,
    ) -> Result<Vec<(Hit, T)>> {
        let mut skip = self.offset;
        let mut page = Vec::new();
        // Of more each time, lest few that are visible among many take as many statements.
        let mut at_least = 0;
        while page.len() < self.size && !hits.is_empty() {
            let is_skipped = skip > 0;
            let rest = best(
                &mut hits,
                if is_skipped { skip } else { at_least.max(self.size - page.len()) },
            );
            at_least = (2 * at_least).max(256);
            if is_skipped {
                skip -= spi::as_caller(Access::Read, |db| db.planned_once(|| visible(db, &hits)))?;
            } else {
                let mut fetched =
                    spi::as_caller(Access::Read, |db| db.planned_once(|| fetch(db, &hits)))?;
                fetched.reverse();
                for (place, hit) in hits.into_iter().enumerate() {
                    if let Some((_, row)) = fetched.pop_if(|(fetched, _)| *fetched == place) {
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
