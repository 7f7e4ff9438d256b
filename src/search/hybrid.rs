//! The chunks that answer a query by their words, by what they mean, or both, in one order.
//!
//! Runs as the owner. Every statement here names the user in its own text.

use super::filter::Filter;
use super::nearest::{self, Neighbour};
use super::query::{self, LanguageQuery};
use super::ranking::best;
use super::ranking::{self, Hit, Matched, RankedChunks};
use super::top_k::MOST_RESULTS;
use super::{settings, statistics};
use crate::documents::embeddings::{EmbeddingType, not_enabled};
use crate::pg::error::Result;
use crate::pg::spi::Db;
use carrel_core::ranking::reciprocal_rank;
use pgrx::datum::Uuid;
use std::collections::HashMap;

/// How many of the best of each order are fused, where these are not all.
const DEPTH: usize = if nearest::MANY < MOST_RESULTS { nearest::MANY } else { MOST_RESULTS };

/// What is asked for.
pub struct Question<'a> {
    pub user: Uuid,
    pub query: Option<&'a str>,
    pub embedding: Option<&'a str>,
    pub filter: &'a Filter,
    /// How many results, from the first; None: all.
    pub wanted: Option<usize>,
}

/// A query as each language reads it, and what answers it, in no order.
pub struct Answer {
    pub queries: Vec<LanguageQuery>,
    pub hits: Vec<Hit>,
    /// Whether these are all that answer it, and not just the best.
    pub is_all: bool,
}

/// What answers the question.
pub fn chunks(db: &Db, question: &Question) -> Result<Answer> {
    let &Question { user, query, embedding, filter, wanted } = question;
    let embedding = match embedding {
        Some(embedding) => {
            let kind = EmbeddingType::find(db)?.ok_or_else(not_enabled)?;
            kind.check("query_embedding", embedding)?;
            Some((kind, embedding))
        }
        None => None,
    };
    let mut queries = query::of_user(db, user, query)?;
    let allowed = filter.documents(db, user)?;
    // Where two orders are fused, each is of the same length, whatever page is asked for.
    let depth = if embedding.is_some() { wanted.map(|_| DEPTH) } else { wanted };
    let mut ranked = ranking::chunks(db, user, &mut queries, allowed.as_ref(), depth)?;
    let is_cut = ranked.is_cut;
    if let (true, Some(depth)) = (is_cut, depth) {
        // What was read beyond them may be worse than what was not.
        best(&mut ranked.hits, depth);
    }
    let Some((kind, embedding)) = embedding else {
        return Ok(Answer { queries, hits: ranked.hits, is_all: !is_cut });
    };
    let count = statistics::of_user(db, user)?.iter().map(|of| of.chunks.texts).sum();
    let (near, is_all) =
        nearest::chunks(db, user, &kind, embedding, allowed.as_ref(), count, depth.is_none())?;
    let hits = fused(ranked, near, &queries);
    Ok(Answer { queries, hits, is_all: is_all && !is_cut })
}

/// One order out of two. What a query binds to holds for both.
fn fused(ranked: RankedChunks, near: Vec<Neighbour>, queries: &[LanguageQuery]) -> Vec<Hit> {
    let RankedChunks { mut hits, excluded_chunks, excluded_documents, .. } = ranked;
    let weights = settings::weights();
    hits.sort_unstable_by(Hit::before);
    let mut places = HashMap::with_capacity(hits.len());
    for (place, hit) in hits.iter_mut().enumerate() {
        hit.score = reciprocal_rank(place, weights.words) as f32;
        places.extend(hit.chunk.map(|chunk| (chunk, place)));
    }
    let bound: Vec<&str> = queries
        .iter()
        .filter(|query| !query.query.required.is_empty())
        .map(|query| query.statistics.language.as_str())
        .collect();
    let wanted = near.into_iter().filter(|near| {
        !excluded_chunks.contains(&near.id)
            && !excluded_documents.contains(&near.document)
            && (places.contains_key(&near.id) || !bound.contains(&near.language.as_str()))
    });
    for (place, near) in wanted.enumerate() {
        let score = reciprocal_rank(place, weights.embeddings) as f32;
        match places.get(&near.id) {
            Some(place) => hits[*place].score += score,
            None => hits.push(Hit::near(near.document, near.id, near.index, score)),
        }
    }
    debug_assert!(hits.iter().all(|hit| hit.query.is_some() || hit.matched == Matched::Embedding));
    hits
}
