//! Which of a user's chunks and documents answer a query best: BM25 over the user's own chunks, or
//! documents, of each language.
//!
//! Runs as the owner. Every statement here names the user in its own text.

use super::candidates::{self, Candidates, Id, Name, score};
use super::filter::Filter;
use super::query::LanguageQuery;
use super::settings;
use super::top_k;
use crate::pg::error::{Result, check_for_interrupts};
use crate::pg::spi::Db;
use carrel_core::ranking::{Frequency, Scale};
use pgrx::datum::Uuid;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

/// A chunk or a document.
#[derive(Clone)]
pub struct Hit {
    /// Whether it comes after all that are not so, whatever its score: those are the best that were
    /// found first.
    pub is_late: bool,
    pub document: Id,
    /// The chunk; None where the hit is a document.
    pub chunk: Option<Id>,
    /// The chunks that a document was found by.
    pub matched_chunks: Vec<MatchedChunk>,
    /// Whether its name has any of the words.
    pub is_named: bool,
    pub score: f32,
    /// Where ties are broken: by document, then by place.
    index: i32,
    pub matched: Matched,
    /// Which of the language queries it was found by; None where it was none.
    pub query: Option<usize>,
}

/// How a chunk or a document answers a query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Matched {
    /// All words of the query are there.
    All,
    /// Some are.
    Some,
    /// None are; what it means is near.
    Embedding,
}

impl Matched {
    fn of(words: usize, query: &LanguageQuery) -> Self {
        if words == query.query.terms.len() { Self::All } else { Self::Some }
    }

    /// As search_chunks() says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Some => "some",
            Self::Embedding => "embedding",
        }
    }
}

/// A chunk of a document that was found.
#[derive(Clone)]
pub struct MatchedChunk {
    pub id: Id,
    pub score: f32,
    pub index: i32,
}

impl Hit {
    /// A chunk that has none of the words.
    pub fn near(document: Id, chunk: Id, index: i32, score: f32) -> Self {
        Self {
            is_late: false,
            document,
            chunk: Some(chunk),
            matched_chunks: Vec::new(),
            is_named: false,
            score,
            index,
            matched: Matched::Embedding,
            query: None,
        }
    }

    /// Best first; the order of two hits is always the same.
    pub fn before(&self, other: &Self) -> Ordering {
        let place = |hit: &Self| (hit.document, hit.index, hit.query);
        (self.is_late.cmp(&other.is_late))
            .then_with(|| other.score.total_cmp(&self.score))
            .then_with(|| place(self).cmp(&place(other)))
    }
}

/// The chunks that answer a query.
#[derive(Default)]
pub struct RankedChunks {
    /// In no order.
    pub hits: Vec<Hit>,
    /// Chunks that have what is not wanted.
    pub excluded_chunks: HashSet<Id>,
    /// Documents that have it in their names.
    pub excluded_documents: HashSet<Id>,
    /// Whether these are not all that answer it, but the best, and some more.
    pub is_cut: bool,
}

/// The chunks that answer the query, of the documents that are allowed: all of them or, where a number
/// is wanted and few of very many have to be read for it, at least so many of the best.
pub fn chunks(
    db: &Db,
    user: Uuid,
    queries: &mut [LanguageQuery],
    allowed: Option<&HashSet<Id>>,
    wanted: Option<usize>,
) -> Result<RankedChunks> {
    let mut ranked = RankedChunks::default();
    let wanted = wanted.filter(|_| allowed.is_none());
    for (number, query) in queries.iter_mut().enumerate() {
        let names = candidates::names(db, user, query)?;
        let top = match wanted {
            Some(count) => top_k::chunks(db, user, query, &names, settings::parameters()?, count)?,
            None => None,
        };
        let candidates = match top {
            Some(top) => {
                ranked.is_cut |= top.is_cut;
                top.candidates
            }
            None => candidates::chunks(db, user, query)?,
        };
        let scale = scale(&candidates, query)?;
        let terms = &query.query;
        let unwanted = names.iter().filter(|(_, name)| name.reading.is_excluded);
        ranked.excluded_documents.extend(unwanted.map(|(id, _)| *id));
        for chunk in &candidates.chunks {
            check_for_interrupts();
            let found = candidates.terms(chunk);
            let named = names.get(&chunk.document);
            let name = named.map(|name| name.reading).unwrap_or_default();
            if chunk.reading.is_excluded {
                ranked.excluded_chunks.insert(chunk.id);
            }
            let is_wanted = !found.is_empty()
                && !chunk.reading.is_excluded
                && !name.is_excluded
                && chunk.reading.phrases | name.phrases == terms.all_phrases()
                && allowed.is_none_or(|allowed| allowed.contains(&chunk.document));
            if !is_wanted {
                continue;
            }
            let (score, matched) = candidates.score(&scale, chunk, named);
            ranked.hits.push(Hit {
                is_late: false,
                document: chunk.document,
                chunk: Some(chunk.id),
                score: score as f32,
                index: chunk.index,
                matched: Matched::of(matched, query),
                matched_chunks: Vec::new(),
                is_named: named.is_some(),
                query: Some(number),
            });
        }
    }
    Ok(ranked)
}

/// Every document that answers the query, in no order. What is in several chunks counts together, as
/// if the document were one text.
pub fn documents(
    db: &Db,
    user: Uuid,
    queries: &mut [LanguageQuery],
    filter: &Filter,
) -> Result<Vec<Hit>> {
    let allowed = filter.documents(db, user)?;
    let mut hits: Vec<Hit> = Vec::new();
    let mut excluded: HashSet<Id> = HashSet::new();
    for (number, query) in queries.iter_mut().enumerate() {
        let candidates = candidates::chunks(db, user, query)?;
        let names = candidates::names(db, user, query)?;
        let chunk_scale = scale(&candidates, query)?;
        let mut documents: HashMap<Id, Document> = HashMap::new();
        for (id, name) in &names {
            documents.insert(*id, Document::named(name));
        }
        for chunk in &candidates.chunks {
            check_for_interrupts();
            let found = candidates.terms(chunk);
            let document = documents.entry(chunk.document).or_default();
            document.is_excluded |= chunk.reading.is_excluded;
            document.phrases |= chunk.reading.phrases;
            if found.is_empty() {
                continue;
            }
            document.add(found);
            document.words += u64::from(chunk.words);
            let (score, _) = candidates.score(&chunk_scale, chunk, None);
            let (id, index) = (chunk.id, chunk.index);
            document.chunks.push(MatchedChunk { id, score: score as f32, index });
        }
        let mut found_in = vec![0; query.query.terms.len()];
        for (term, _) in documents.values().flat_map(|document| &document.terms) {
            found_in[usize::from(*term)] += 1;
        }
        lengths(db, user, &mut documents)?;
        let scale = Scale::new(settings::parameters()?, query.statistics.documents, &found_in);
        for (id, document) in documents {
            check_for_interrupts();
            if document.is_excluded {
                excluded.insert(id);
            }
            let is_wanted = !document.terms.is_empty()
                && document.phrases == query.query.all_phrases()
                && allowed.as_ref().is_none_or(|allowed| allowed.contains(&id));
            if !is_wanted {
                continue;
            }
            let (score, matched) = score(&scale, document.words, &document.terms, None);
            hits.push(Hit {
                is_late: false,
                document: id,
                chunk: None,
                matched_chunks: document.chunks,
                is_named: names.get(&id).is_some_and(|name| !name.terms.is_empty()),
                score: score as f32,
                index: 0,
                matched: Matched::of(matched, query),
                query: Some(number),
            });
        }
    }
    hits.retain(|hit| !excluded.contains(&hit.document));
    // A client's chunks of one document may be of several languages.
    if queries.len() > 1 {
        hits.sort_unstable_by(Hit::before);
        let mut seen = HashSet::new();
        hits.retain(|hit| seen.insert(hit.document));
    }
    Ok(hits)
}

/// What the chunks of a document, and its name, have of a query.
#[derive(Default)]
struct Document {
    /// In the order of their numbers, as those of chunks and names are.
    terms: Vec<(u16, Frequency)>,
    phrases: u64,
    is_excluded: bool,
    words: u64,
    chunks: Vec<MatchedChunk>,
}

impl Document {
    fn named(name: &Name) -> Self {
        Self {
            terms: name.terms.iter().map(|term| (*term, Frequency::IN_NAME)).collect(),
            phrases: name.reading.phrases,
            is_excluded: name.reading.is_excluded,
            ..Self::default()
        }
    }

    fn add(&mut self, found: &[(u16, Frequency)]) {
        for (term, frequency) in found {
            match self.terms.binary_search_by_key(term, |(known, _)| *known) {
                Ok(at) => self.terms[at].1 = self.terms[at].1.with(*frequency),
                Err(at) => self.terms.insert(at, (*term, *frequency)),
            }
        }
    }
}

fn scale(candidates: &Candidates, query: &LanguageQuery) -> Result<Scale> {
    Ok(Scale::new(settings::parameters()?, query.statistics.chunks, &candidates.found_in))
}

/// How long the documents are: those whose chunks a client wrote know no more than what was found.
fn lengths(db: &Db, user: Uuid, documents: &mut HashMap<Id, Document>) -> Result<()> {
    let ids: Vec<Uuid> = documents.keys().map(|id| Uuid::from_bytes(*id)).collect();
    db.stream(
        "select id, words from carrel.documents
        where user_id = $1 and id = any ($2) and words is not null",
        &[user.into(), ids.into()],
        |row| {
            if let Some(document) = documents.get_mut(row.need::<Uuid>(1)?.as_bytes()) {
                document.words = row.need::<i64>(2)? as u64;
            }
            Ok(())
        },
    )
}

/// Keeps the `count` best hits, in order; returns the others.
pub fn best(hits: &mut Vec<Hit>, count: usize) -> Vec<Hit> {
    let mut rest = Vec::new();
    if count < hits.len() {
        hits.select_nth_unstable_by(count, Hit::before);
        rest = hits.split_off(count);
    }
    hits.sort_unstable_by(Hit::before);
    rest
}
