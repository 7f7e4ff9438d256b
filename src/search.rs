//! Ranked search of the caller's own documents.
//!
//! Candidates are ranked as the owner, with the caller's user id in the query's own text: under
//! row-level security `@@` is not leakproof and never reaches the GIN index. What was ranked is then
//! fetched as the caller, so that every policy that an operator adds holds for search as well.
//!
//! How candidates are ranked is [`ranking`]'s alone.

mod query;
mod ranking;

use crate::datums::Jsonb;
use crate::error::{Error, Result, SqlState, guard};
use crate::identity;
use crate::spi::{self, Access, Db};
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use query::LanguageQuery;

/// How the words that were searched for are marked in a snippet.
const SNIPPET: &str = "StartSel=<mark>, StopSel=</mark>, MaxWords=35, MinWords=15, MaxFragments=2, FragmentDelimiter=\" … \"";

/// Which documents are searched; what is None does not filter.
pub struct Filter {
    pub document_ids: Option<Vec<Option<Uuid>>>,
    pub file_types: Option<Vec<Option<String>>>,
    pub metadata: Option<Jsonb>,
    pub created_after: Option<TimestampWithTimeZone>,
    pub created_before: Option<TimestampWithTimeZone>,
}

/// A candidate: a chunk or a document.
#[derive(Clone)]
pub struct Hit {
    pub id: Uuid,
    pub score: f32,
    /// Whether all words of the query are there, not just some.
    pub matched_all: bool,
    /// Which of the language queries it was found by.
    pub query: usize,
}

/// The chunks of the caller's documents that answer a query best, best first. Every word is
/// optional; matched says whether all were found or some. Snippets mark the words with <mark>.
/// No identity: 28000. A query without words has no results.
#[pg_extern(stable, parallel_restricted)]
#[allow(unused_variables)]
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
        let queries = spi::as_owner(Access::Read, |db| query::of_user(db, user, query))?;
        let hits = page.fill(
            |count| {
                spi::as_owner(Access::Read, |db| {
                    ranking::chunks(db, user, &queries, &filter, count)
                })
            },
            |db, ids| {
                db.rows(
                    "select c.id from carrel.document_chunks as c
                    join carrel.documents as d on d.user_id = c.user_id and d.id = c.document_id
                    where c.id = any ($1)",
                    &[ids.into()],
                    |row| row.need(1),
                )
            },
        )?;
        spi::as_caller(Access::Read, |db| {
            let mut rows = Vec::with_capacity(hits.len());
            for hit in hits {
                let query = &queries[hit.query];
                let row = db.first(
                    "select c.id, c.document_id, d.filename, c.chunk_index, c.section_title, c.heading_path,
                        c.content, ts_headline($2::regconfig, c.content, $3::tsquery, $4),
                        c.start_offset, c.end_offset
                    from carrel.document_chunks as c
                    join carrel.documents as d on d.user_id = c.user_id and d.id = c.document_id
                    where c.id = $1",
                    &[hit.id.into(), query.config.into(), query.any.as_str().into(), SNIPPET.into()],
                    |row| {
                        Ok((
                            row.need(1)?,
                            row.need(2)?,
                            row.need(3)?,
                            row.need(4)?,
                            row.get(5),
                            row.need(6)?,
                            row.need(7)?,
                            row.need(8)?,
                            row.get(9),
                            row.get(10),
                            hit.score,
                            matched(hit.matched_all),
                        ))
                    },
                )?;
                rows.extend(row);
            }
            Ok(rows)
        })
    });
    TableIterator::new(rows)
}

/// The caller's documents that answer a query best, best first, with the best passage of each and
/// how many of its chunks match. Arguments and errors as for search_chunks().
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
        let queries = spi::as_owner(Access::Read, |db| query::of_user(db, user, query))?;
        let hits = page.fill(
            |count| {
                spi::as_owner(Access::Read, |db| {
                    ranking::documents(db, user, &queries, &filter, count)
                })
            },
            |db, ids| {
                db.rows(
                    "select id from carrel.documents where id = any ($1)",
                    &[ids.into()],
                    |row| row.need(1),
                )
            },
        )?;
        spi::as_caller(Access::Read, |db| {
            let mut rows = Vec::with_capacity(hits.len());
            for hit in hits {
                let query = &queries[hit.query];
                let row = db.first(
                    "select d.id, d.filename,
                        coalesce(ts_headline($2::regconfig, best.content, $3::tsquery, $4), d.filename),
                        coalesce(best.matching, 0)::integer
                    from carrel.documents as d
                    left join lateral (
                        select c.content, count(*) over () as matching
                        from carrel.document_chunks as c
                        where c.user_id = d.user_id and c.document_id = d.id and c.search_vector @@ $3::tsquery
                        order by ts_rank(c.search_vector, $3::tsquery, 1) desc, c.chunk_index limit 1
                    ) as best on true
                    where d.id = $1",
                    &[hit.id.into(), query.config.into(), query.any.as_str().into(), SNIPPET.into()],
                    |row| Ok((row.need(1)?, row.need(2)?, hit.score, row.need(3)?, row.need(4)?)),
                )?;
                rows.extend(row);
            }
            Ok(rows)
        })
    });
    TableIterator::new(rows)
}

fn matched(all: bool) -> String {
    if all { "all" } else { "some" }.to_owned()
}

/// Which of the ranked results are asked for.
struct Page {
    offset: usize,
    size: usize,
}

impl Page {
    fn new(max_results: Option<i32>, result_offset: Option<i32>) -> Result<Self> {
        let checked = |name: &str, value: Option<i32>| {
            value.and_then(|value| usize::try_from(value).ok()).ok_or_else(|| {
                let given = value.map_or("null".to_owned(), |value| value.to_string());
                Error::new(
                    SqlState::InvalidParameterValue,
                    format!("{name} must be from 0: {given}"),
                )
            })
        };
        Ok(Self {
            offset: checked("result_offset", result_offset)?,
            size: checked("max_results", max_results)?,
        })
    }

    /// The hits of this page among those that the caller may see. `rank` gives the best so many;
    /// where policies hide some of them, more are asked for until the page is full or none are left.
    fn fill(
        &self,
        rank: impl Fn(usize) -> Result<Vec<Hit>>,
        visible: impl Fn(&Db, Vec<Uuid>) -> Result<Vec<Uuid>>,
    ) -> Result<Vec<Hit>> {
        let wanted = self.offset + self.size;
        if self.size == 0 {
            return Ok(Vec::new());
        }
        let mut count = wanted;
        loop {
            let hits = rank(count)?;
            let exhausted = hits.len() < count;
            let ids = hits.iter().map(|hit| hit.id).collect();
            let seen: std::collections::HashSet<[u8; 16]> =
                spi::as_caller(Access::Read, |db| visible(db, ids))?
                    .into_iter()
                    .map(|id| *id.as_bytes())
                    .collect();
            let shown: Vec<Hit> =
                hits.into_iter().filter(|hit| seen.contains(hit.id.as_bytes())).collect();
            if exhausted || shown.len() >= wanted {
                return Ok(shown.into_iter().skip(self.offset).take(self.size).collect());
            }
            count = count.saturating_mul(4);
        }
    }
}

/// The queries of a user: one for each language of their documents.
type Queries = [LanguageQuery];
