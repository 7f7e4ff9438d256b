//! Ranking of chunks and documents by BM25, over the user's own texts in each language.
//!
//! Runs as the owner. Every statement here restricts rows to the user.

use super::candidates::{self, CandidateChunk, Candidates, FilenameMatch, Id, score};
use super::query::LanguageQuery;
use super::settings;
use crate::pg::error::{Result, check_for_interrupts};
use crate::pg::spi::Db;
use carrel_core::ranking::{Query, Scale, Term, TermSet};
use pgrx::datum::Uuid;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

/// Ranked chunk or document.
#[derive(Clone)]
pub struct SearchHit {
    /// True for hits of a second, exhaustive search. They come after all hits of the first search, even
    /// with a better score.
    pub is_of_second_search: bool,
    pub document: Id,
    /// None if the hit is a document.
    pub chunk: Option<Id>,
    /// Matching chunks of a document.
    pub matched_chunks: Vec<MatchedChunk>,
    /// True if the name of the document has any term.
    pub is_named: bool,
    pub score: f32,
    pub matched_by: MatchedBy,
    /// Index of the language query with the terms; None if it was found by its embedding only.
    pub query: Option<usize>,
}

/// Reason why a chunk or document matches: column `matched`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MatchedBy {
    AllTerms,
    SomeTerms,
    /// A word that is near a mistyped one.
    SimilarTerms,
    /// No term; its embedding is near.
    Embedding,
}

impl MatchedBy {
    fn terms(found: &TermSet, query: &LanguageQuery) -> Self {
        if found.meets(&query.query.similar) {
            Self::SimilarTerms
        } else if query.query.has_all_words(found) {
            Self::AllTerms
        } else {
            Self::SomeTerms
        }
    }

    /// Value of the column.
    pub fn name(self) -> &'static str {
        match self {
            Self::AllTerms => "all",
            Self::SomeTerms => "some",
            Self::SimilarTerms => "similar",
            Self::Embedding => "embedding",
        }
    }
}

/// Matching chunk of a document.
#[derive(Clone)]
pub struct MatchedChunk {
    pub id: Id,
    pub score: f32,
    /// False if only its embedding is near.
    pub has_terms: bool,
}

impl SearchHit {
    /// Hit for a chunk without any term, found by its embedding; for its document, if `chunk` is None.
    pub fn by_embedding(document: Id, chunk: Option<Id>, score: f32) -> Self {
        Self {
            is_of_second_search: false,
            document,
            chunk,
            matched_chunks: Vec::new(),
            is_named: false,
            score,
            matched_by: MatchedBy::Embedding,
            query: None,
        }
    }

    /// Compares two hits, best first. The order is total: ties are broken by document and id.
    pub fn compare(&self, other: &Self) -> Ordering {
        let position = |hit: &Self| (hit.document, hit.chunk, hit.query);
        (self.is_of_second_search.cmp(&other.is_of_second_search))
            .then_with(|| other.score.total_cmp(&self.score))
            .then_with(|| position(self).cmp(&position(other)))
    }
}

/// Result of ranking chunks or documents.
#[derive(Default)]
pub struct Ranked {
    /// In no order.
    pub hits: Vec<SearchHit>,
    /// Chunks with an excluded word or phrase.
    pub excluded_chunks: HashSet<Id>,
    /// Documents with an excluded word or phrase: in their names, if chunks are ranked.
    pub excluded_documents: HashSet<Id>,
    /// Number of matching chunks or documents.
    pub total: usize,
    /// Terms of each query that occur, in a chunk or a name.
    pub found: Vec<TermSet>,
}

/// Ranks all chunks that match the query, in the allowed documents (None: in all).
pub fn rank_chunks(
    db: &Db,
    user: Uuid,
    queries: &mut [LanguageQuery],
    allowed: Option<&HashSet<Id>>,
) -> Result<Ranked> {
    let mut ranked = Ranked::default();
    for (number, query) in queries.iter_mut().enumerate() {
        let candidates = candidates::read_chunks(db, user, query)?;
        let names = candidates::read_names(db, user, query)?;
        ranked.add(&candidates, &names, number, query, allowed)?;
        ranked.found.push(found_terms(&candidates, &names));
    }
    ranked.total = ranked.hits.len();
    Ok(ranked)
}

/// Terms that any candidate or name has.
fn found_terms(candidates: &Candidates, names: &HashMap<Id, FilenameMatch>) -> TermSet {
    let mut found = TermSet::default();
    let in_chunks = (0..).zip(&candidates.chunks_with_term).filter(|(_, count)| **count > 0);
    let in_names = names.values().flat_map(|name| &name.terms);
    in_chunks.map(|(term, _)| term).chain(in_names.copied()).for_each(|term| found.insert(term));
    found
}

impl Ranked {
    /// Adds the matching candidates in one language.
    fn add(
        &mut self,
        candidates: &Candidates,
        names: &HashMap<Id, FilenameMatch>,
        number: usize,
        query: &LanguageQuery,
        allowed: Option<&HashSet<Id>>,
    ) -> Result<()> {
        let scale = chunk_scale(candidates, query)?;
        let excluded = names.iter().filter(|(_, name)| name.reading.is_excluded);
        self.excluded_documents.extend(excluded.map(|(id, _)| *id));
        for chunk in &candidates.chunks {
            check_for_interrupts();
            let named = names.get(&chunk.document);
            let name = named.map(|name| name.reading).unwrap_or_default();
            if chunk.reading.is_excluded {
                self.excluded_chunks.insert(chunk.id);
            }
            let matches = !candidates.terms(chunk).is_empty()
                && !chunk.reading.is_excluded
                && !name.is_excluded
                && chunk.reading.phrases | name.phrases == query.query.all_phrases()
                && allowed.is_none_or(|allowed| allowed.contains(&chunk.document));
            if !matches {
                continue;
            }
            let (score, terms) = candidates.score(&scale, chunk, named);
            self.hits.push(SearchHit {
                is_of_second_search: false,
                document: chunk.document,
                chunk: Some(chunk.id),
                score: score as f32,
                matched_by: MatchedBy::terms(&terms, query),
                matched_chunks: Vec::new(),
                is_named: named.is_some(),
                query: Some(number),
            });
        }
        Ok(())
    }
}

/// Ranks all documents that match the query, among the allowed ones (None: all). A document is as good
/// as its best chunk.
pub fn rank_documents(
    db: &Db,
    user: Uuid,
    queries: &mut [LanguageQuery],
    allowed: Option<&HashSet<Id>>,
) -> Result<Ranked> {
    let Ranked { mut hits, excluded_documents: mut excluded, mut found, .. } = Ranked::default();
    for (number, query) in queries.iter_mut().enumerate() {
        let candidates = candidates::read_chunks(db, user, query)?;
        let names = candidates::read_names(db, user, query)?;
        found.push(found_terms(&candidates, &names));
        for (id, document) in match_documents(&candidates, &names, query)? {
            check_for_interrupts();
            if document.is_excluded {
                excluded.insert(id);
            }
            let matches = !document.terms.is_empty()
                && document.phrases == query.query.all_phrases()
                && allowed.is_none_or(|allowed| allowed.contains(&id));
            if !matches {
                continue;
            }
            hits.push(SearchHit {
                is_of_second_search: false,
                document: id,
                chunk: None,
                matched_chunks: document.chunks,
                is_named: names.get(&id).is_some_and(|name| !name.terms.is_empty()),
                score: document.score as f32,
                matched_by: MatchedBy::terms(&document.terms, query),
                query: Some(number),
            });
        }
    }
    hits.retain(|hit| !excluded.contains(&hit.document));
    // Chunks that clients write may give a document several languages: its best hit stays.
    if queries.len() > 1 {
        hits.sort_unstable_by(SearchHit::compare);
        let mut seen = HashSet::new();
        hits.retain(|hit| seen.insert(hit.document));
    }
    let total = hits.len();
    Ok(Ranked { hits, excluded_documents: excluded, found, total, ..Ranked::default() })
}

/// Matches of a query in the chunks and the name of a document.
#[derive(Default)]
struct DocumentMatch {
    terms: TermSet,
    /// Score of the best chunk, or of the name alone.
    score: f64,
    phrases: u64,
    is_excluded: bool,
    chunks: Vec<MatchedChunk>,
}

impl DocumentMatch {
    fn of_name(name: &FilenameMatch, scale: &Scale) -> Self {
        let (score, terms) = score(scale, 0, &[], usize::MAX, Some(name));
        Self {
            terms,
            score,
            phrases: name.reading.phrases,
            is_excluded: name.reading.is_excluded,
            ..Self::default()
        }
    }

    /// Adds a candidate with its terms.
    fn add(
        &mut self,
        candidates: &Candidates,
        chunk: &CandidateChunk,
        name: Option<&FilenameMatch>,
        scale: &Scale,
    ) {
        self.is_excluded |= chunk.reading.is_excluded;
        self.phrases |= chunk.reading.phrases;
        if candidates.terms(chunk).is_empty() {
            return;
        }
        let (score, terms) = candidates.score(scale, chunk, None);
        self.terms.add(&terms);
        let named = name.map(|_| candidates.score(scale, chunk, name).0);
        self.score = self.score.max(named.unwrap_or(score));
        self.chunks.push(MatchedChunk { id: chunk.id, score: score as f32, has_terms: true });
    }
}

/// Groups candidates and names by document.
fn match_documents(
    candidates: &Candidates,
    names: &HashMap<Id, FilenameMatch>,
    query: &LanguageQuery,
) -> Result<HashMap<Id, DocumentMatch>> {
    let scale = chunk_scale(candidates, query)?;
    let mut documents: HashMap<Id, DocumentMatch> = HashMap::new();
    for (id, name) in names {
        documents.insert(*id, DocumentMatch::of_name(name, &scale));
    }
    for chunk in &candidates.chunks {
        check_for_interrupts();
        let name = names.get(&chunk.document);
        documents.entry(chunk.document).or_default().add(candidates, chunk, name, &scale);
    }
    Ok(documents)
}

/// Scale for the scores of chunks.
fn chunk_scale(candidates: &Candidates, query: &LanguageQuery) -> Result<Scale> {
    let parameters = settings::parameters()?;
    let Query { counts, pairs, terms, .. } = &query.query;
    let found_in = |(term, chunks): (&Term, &u64)| match term {
        Term::Like { texts, .. } => (*texts).max(1),
        _ => *chunks,
    };
    let found_in: Vec<u64> = terms.iter().zip(&candidates.chunks_with_term).map(found_in).collect();
    Ok(Scale::new(parameters, query.statistics.chunks, &found_in, counts, pairs))
}

/// Keeps the `count` best hits, in order. Returns the others, in no order.
pub fn split_off_best(hits: &mut Vec<SearchHit>, count: usize) -> Vec<SearchHit> {
    let mut rest = Vec::new();
    if count < hits.len() {
        hits.select_nth_unstable_by(count, SearchHit::compare);
        rest = hits.split_off(count);
    }
    hits.sort_unstable_by(SearchHit::compare);
    rest
}
