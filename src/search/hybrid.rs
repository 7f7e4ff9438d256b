//! Hybrid search: chunks ranked by BM25, by the distance of embeddings, or by both.
//!
//! Runs as the owner. Every statement here restricts rows to the user.

use super::filter::Filter;
use super::nearest::{self, Neighbour};
use super::query::{self, LanguageQuery};
use super::ranking::{self, MatchedBy, RankedChunks, SearchHit, split_off_best};
use super::top_k::MAX_RESULTS;
use super::{settings, statistics};
use crate::documents::embeddings::{EmbeddingType, not_enabled};
use crate::pg::error::Result;
use crate::pg::spi::Db;
use carrel_core::ranking::reciprocal_rank;
use pgrx::datum::Uuid;
use std::collections::HashMap;

/// Number of chunks of each ranking that are fused, unless all are wanted.
const DEPTH: usize =
    if nearest::MAX_NEIGHBOURS < MAX_RESULTS { nearest::MAX_NEIGHBOURS } else { MAX_RESULTS };

/// Arguments of a search for chunks.
pub struct ChunkSearch<'a> {
    pub user: Uuid,
    pub query: Option<&'a str>,
    pub embedding: Option<&'a str>,
    pub filter: &'a Filter,
    /// Number of results; None: all.
    pub wanted: Option<usize>,
}

/// Result of a search for chunks.
pub struct ChunkSearchResult {
    /// Query as parsed in each language.
    pub queries: Vec<LanguageQuery>,
    /// In no order.
    pub hits: Vec<SearchHit>,
    /// True if the hits are all matching chunks, not only the best.
    pub is_complete: bool,
}

/// Finds the chunks that match a query, an embedding, or both.
pub fn search(db: &Db, search: &ChunkSearch) -> Result<ChunkSearchResult> {
    let &ChunkSearch { user, query, embedding, filter, wanted } = search;
    let embedding = match embedding {
        Some(embedding) => {
            let embedding_type = EmbeddingType::find(db)?.ok_or_else(not_enabled)?;
            embedding_type.check("query_embedding", embedding)?;
            Some((embedding_type, embedding))
        }
        None => None,
    };
    let mut queries = query::parse(db, user, query)?;
    let allowed = filter.documents(db, user)?;
    // Fused rankings have one length, whichever page is wanted: pages must not contradict each other.
    let depth = if embedding.is_some() { wanted.map(|_| DEPTH) } else { wanted };
    let mut ranked = ranking::rank_chunks(db, user, &mut queries, allowed.as_ref(), depth)?;
    let is_partial = ranked.is_partial;
    if let (true, Some(depth)) = (is_partial, depth) {
        // Only the best `depth` hits are known to be better than unread chunks.
        split_off_best(&mut ranked.hits, depth);
    }
    let Some((embedding_type, embedding)) = embedding else {
        return Ok(ChunkSearchResult { queries, hits: ranked.hits, is_complete: !is_partial });
    };
    let count = statistics::of_user(db, user)?.iter().map(|of| of.chunks.texts).sum();
    let (neighbours, is_all) = nearest::read_nearest(
        db,
        user,
        &embedding_type,
        embedding,
        allowed.as_ref(),
        count,
        depth.is_none(),
    )?;
    let hits = fuse(ranked, neighbours, &queries);
    Ok(ChunkSearchResult { queries, hits, is_complete: is_all && !is_partial })
}

/// Fuses two rankings by reciprocal rank. Excluded and required phrases of the query hold for both.
fn fuse(
    ranked: RankedChunks,
    neighbours: Vec<Neighbour>,
    queries: &[LanguageQuery],
) -> Vec<SearchHit> {
    let RankedChunks { mut hits, excluded_chunks, excluded_documents, .. } = ranked;
    let weights = settings::weights();
    hits.sort_unstable_by(SearchHit::compare);
    let mut ranks = HashMap::with_capacity(hits.len());
    for (rank, hit) in hits.iter_mut().enumerate() {
        hit.score = reciprocal_rank(rank, weights.words) as f32;
        ranks.extend(hit.chunk.map(|chunk| (chunk, rank)));
    }
    // Languages in which a phrase is required: chunks without a BM25 hit lack it.
    let strict_languages: Vec<&str> = queries
        .iter()
        .filter(|query| !query.query.required.is_empty())
        .map(|query| query.statistics.language.as_str())
        .collect();
    let allowed = neighbours.into_iter().filter(|neighbour| {
        !excluded_chunks.contains(&neighbour.id)
            && !excluded_documents.contains(&neighbour.document)
            && (ranks.contains_key(&neighbour.id)
                || !strict_languages.contains(&neighbour.language.as_str()))
    });
    for (rank, neighbour) in allowed.enumerate() {
        let score = reciprocal_rank(rank, weights.embeddings) as f32;
        match ranks.get(&neighbour.id) {
            Some(rank) => hits[*rank].score += score,
            None => {
                let Neighbour { document, id, index, .. } = neighbour;
                hits.push(SearchHit::by_embedding(document, id, index, score));
            }
        }
    }
    debug_assert!(
        hits.iter().all(|hit| hit.query.is_some() || hit.matched_by == MatchedBy::Embedding)
    );
    hits
}
