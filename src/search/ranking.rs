//! Which of a user's chunks and documents answer a query best: ts_rank with the logarithm of the
//! length taken out, over the candidates that have any of the words.
//!
//! Runs as the owner. Every statement here names the user in its own text.

use super::{Filter, Hit, Queries};
use crate::error::Result;
use crate::spi::{Arg, Db};
use pgrx::datum::Uuid;

/// The best `count` chunks; ties in the order of documents and chunks.
pub fn chunks(
    db: &Db,
    user: Uuid,
    queries: &Queries,
    filter: &Filter,
    count: usize,
) -> Result<Vec<Hit>> {
    const SQL: &str =
        "select c.id, ts_rank(c.search_vector, $3::tsquery, 1), c.search_vector @@ $4::tsquery
        from carrel.document_chunks as c
        join carrel.documents as d on d.user_id = c.user_id and d.id = c.document_id
        where c.user_id = $1 and d.language = $2 and c.search_vector @@ $3::tsquery
            and ($6::uuid[] is null or d.id = any ($6))
            and ($7::text[] is null or d.file_type = any ($7))
            and ($8::jsonb is null or d.metadata @> $8)
            and ($9::timestamptz is null or d.created_at >= $9)
            and ($10::timestamptz is null or d.created_at < $10)
        order by 2 desc, c.document_id, c.chunk_index limit $5";
    best(db, SQL, user, queries, filter, count)
}

/// The best `count` documents, each scored by its own vector or its best chunk, never by a sum.
pub fn documents(
    db: &Db,
    user: Uuid,
    queries: &Queries,
    filter: &Filter,
    count: usize,
) -> Result<Vec<Hit>> {
    const SQL: &str = "with chunks as (
            select document_id, max(ts_rank(search_vector, $3::tsquery, 1)) as score
            from carrel.document_chunks
            where user_id = $1 and search_vector @@ $3::tsquery
            group by document_id
        ), candidates as (
            select id from carrel.documents where user_id = $1 and search_vector @@ $3::tsquery
            union
            select document_id from chunks
        )
        select d.id, greatest(ts_rank(d.search_vector, $3::tsquery, 1), chunks.score),
            d.search_vector @@ $4::tsquery
        from candidates
        join carrel.documents as d on d.user_id = $1 and d.id = candidates.id
        left join chunks on chunks.document_id = d.id
        where d.language = $2
            and ($6::uuid[] is null or d.id = any ($6))
            and ($7::text[] is null or d.file_type = any ($7))
            and ($8::jsonb is null or d.metadata @> $8)
            and ($9::timestamptz is null or d.created_at >= $9)
            and ($10::timestamptz is null or d.created_at < $10)
        order by 2 desc, d.id limit $5";
    best(db, SQL, user, queries, filter, count)
}

/// Runs a ranking in every language, and puts the results together.
fn best(
    db: &Db,
    sql: &'static str,
    user: Uuid,
    queries: &Queries,
    filter: &Filter,
    count: usize,
) -> Result<Vec<Hit>> {
    db.plan_for_values();
    let mut hits = Vec::new();
    for (index, query) in queries.iter().enumerate() {
        let args: [Arg; 10] = [
            user.into(),
            query.language.as_str().into(),
            query.any.as_str().into(),
            query.all.as_str().into(),
            i64::try_from(count).unwrap_or(i64::MAX).into(),
            filter.document_ids.clone().into(),
            filter.file_types.clone().into(),
            filter.metadata.into(),
            filter.created_after.into(),
            filter.created_before.into(),
        ];
        hits.extend(db.rows(sql, &args, |row| {
            Ok(Hit {
                id: row.need(1)?,
                score: row.get(2).unwrap_or(0.0),
                matched_all: row.get(3).unwrap_or(false),
                query: index,
            })
        })?);
    }
    // Stable, so that within a language the order stays.
    hits.sort_by(|a, b| b.score.total_cmp(&a.score));
    hits.truncate(count);
    Ok(hits)
}
