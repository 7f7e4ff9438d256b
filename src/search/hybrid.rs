//! Fusion of two rankings: by words and by embeddings.

use super::candidates::Id;
use super::nearest::{Nearest, Neighbour};
use super::query::LanguageQuery;
use super::ranking::{MatchedChunk, Ranked, SearchHit};
use super::settings;
use carrel_core::ranking::Fusion;
use std::collections::{HashMap, HashSet};

/// Fuses chunks ranked by words with chunks near to an embedding. Excluded and required phrases of the
/// query hold for both. The result is in no order.
pub fn fuse_chunks(ranked: &mut Ranked, nearest: Nearest, queries: &[LanguageQuery]) {
    let fusion = fusion(ranked, &nearest);
    let neighbours = allowed(ranked, nearest, queries, |hit| hit.chunk, |of| of.id);
    let mut places: HashMap<Id, usize> = HashMap::with_capacity(ranked.hits.len());
    for (place, hit) in ranked.hits.iter_mut().enumerate() {
        hit.score = fusion.words(hit.score.into()) as f32;
        places.extend(hit.chunk.map(|chunk| (chunk, place)));
    }
    for Neighbour { document, id, cosine, .. } in neighbours {
        let score = fusion.embedding(cosine) as f32;
        match places.get(&id) {
            Some(place) => ranked.hits[*place].score += score,
            None => {
                let hit = SearchHit::by_embedding(document, Some(id), score);
                ranked.hits.push(hit);
            }
        }
    }
    ranked.total = ranked.total.max(ranked.hits.len());
}

/// Fuses documents as [`fuse_chunks`] fuses chunks. A document is as good as its best chunk.
pub fn fuse_documents(ranked: &mut Ranked, nearest: Nearest, queries: &[LanguageQuery]) {
    let fusion = fusion(ranked, &nearest);
    let neighbours = allowed(ranked, nearest, queries, |hit| Some(hit.document), |of| of.document);
    let mut places: HashMap<Id, usize> = HashMap::with_capacity(ranked.hits.len());
    // Places of chunks in their documents.
    let mut chunk_places: HashMap<Id, usize> = HashMap::new();
    for (place, hit) in ranked.hits.iter_mut().enumerate() {
        hit.score = fusion.words(hit.score.into()) as f32;
        for (place, chunk) in hit.matched_chunks.iter_mut().enumerate() {
            chunk.score = fusion.words(chunk.score.into()) as f32;
            chunk_places.insert(chunk.id, place);
        }
        places.insert(hit.document, place);
    }
    for Neighbour { document, id, cosine, .. } in neighbours {
        let score = fusion.embedding(cosine) as f32;
        let place = *places.entry(document).or_insert_with(|| {
            ranked.hits.push(SearchHit::by_embedding(document, None, score));
            ranked.hits.len() - 1
        });
        let hit = &mut ranked.hits[place];
        let chunks = &mut hit.matched_chunks;
        let best = match chunk_places.get(&id) {
            Some(place) => {
                chunks[*place].score += score;
                chunks[*place].score
            }
            // Neighbours come nearest first, so only the first one without terms can be the best. It is the
            // last chunk.
            None if chunks.last().is_some_and(|chunk| !chunk.has_terms) => continue,
            None => {
                chunks.push(MatchedChunk { id, score, has_terms: false });
                score
            }
        };
        hit.score = hit.score.max(best);
    }
    ranked.total = ranked.hits.len();
}

fn fusion(ranked: &Ranked, nearest: &Nearest) -> Fusion {
    let weights = settings::weights();
    Fusion {
        words_weight: weights.words,
        embeddings_weight: weights.embeddings,
        best_words: ranked.hits.iter().map(|hit| f64::from(hit.score)).fold(0.0, f64::max),
        usual_cosine: nearest.usual_cosine,
    }
}

/// Neighbours that the query does not exclude. `of_hit` and `of_neighbour` give what is ranked.
fn allowed(
    ranked: &Ranked,
    nearest: Nearest,
    queries: &[LanguageQuery],
    of_hit: impl Fn(&SearchHit) -> Option<Id>,
    of_neighbour: impl Fn(&Neighbour) -> Id,
) -> Vec<Neighbour> {
    // Languages in which a phrase is required: what has no hit by words lacks it.
    let strict_languages: Vec<&str> = queries
        .iter()
        .filter(|query| !query.query.required.is_empty())
        .map(|query| query.statistics.language.as_str())
        .collect();
    let has_phrases: HashSet<Id> = match strict_languages.is_empty() {
        true => HashSet::new(),
        false => ranked.hits.iter().filter_map(of_hit).collect(),
    };
    let mut neighbours = nearest.neighbours;
    neighbours.retain(|neighbour| {
        !ranked.excluded_chunks.contains(&neighbour.id)
            && !ranked.excluded_documents.contains(&neighbour.document)
            && (!strict_languages.contains(&neighbour.language.as_str())
                || has_phrases.contains(&of_neighbour(neighbour)))
    });
    neighbours
}
