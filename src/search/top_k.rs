//! Top-k with early termination, for users with many chunks.
//!
//! The index stores an upper bound (level) for the score of each term in each chunk. Chunks are read in
//! the order of their bounds until no unread chunk can enter the top k, so only few are read.
//!
//! Runs as the owner. The keys restrict rows to the user, and every row that is read is checked again.

use super::candidates::{Candidates, ChunkColumns, FilenameMatch, Id, read_chunks_of_named};
use super::query::LanguageQuery;
use crate::pg::error::{Error, Result, SqlState, check_for_interrupts};
use crate::pg::gin::{Postings, Tid};
use crate::pg::spi::Db;
use carrel_core::ranking::{LEVELS, Parameters, Query, Scale, Term};
use pgrx::datum::Uuid;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::ffi::CString;

/// Number of chunks of a user up to which reading all candidates takes less than some
/// milliseconds: about as long as reading the index. Early termination is not used then.
const EARLY_TERMINATION_ABOVE: u64 = 2_000;

/// Maximum number of terms, matching names and results for which early termination pays off.
const MAX_TERMS: usize = 16;
const MAX_NAMES: usize = 100;
pub const MAX_RESULTS: usize = 1_000;

/// Maximum bytes of a lexeme. Keys of longer ones may be cut, and shared with other lexemes.
const MAX_LEXEME: usize = 2_000;

/// Maximum number of postings in memory, of eight bytes each.
const MAX_POSTINGS: usize = 8_000_000;

/// Candidates that include the best chunks.
pub struct TopCandidates {
    /// `chunks_with_term` counts unread chunks as well.
    pub candidates: Candidates,
    /// Number of chunks with any term of the query, if some were not read.
    pub matching: Option<usize>,
}

/// Reads candidates that include the `count` best chunks for a query. None if that requires reading
/// all candidates.
pub fn read_top(
    db: &Db,
    user: Uuid,
    query: &LanguageQuery,
    names: &HashMap<Id, FilenameMatch>,
    parameters: Parameters,
    count: usize,
) -> Result<Option<TopCandidates>> {
    let terms = &query.query.terms;
    let is_plain = query.query.required.is_empty()
        && query.query.excluded.is_empty()
        && terms
            .iter()
            .all(|term| matches!(term, Term::Word(lexemes) if lexemes.iter().all(|of| of.len() <= MAX_LEXEME)));
    let pays_off = query.statistics.chunks.texts > EARLY_TERMINATION_ABOVE
        && terms.len() <= MAX_TERMS
        && names.len() <= MAX_NAMES
        && count <= MAX_RESULTS;
    if !is_plain || !pays_off {
        return Ok(None);
    }
    db.read_by_index(|| {
        Postings::with(c"document_chunks", c"document_chunks_search_keys_idx", |index| {
            let Some(postings) = read_postings(index, query)? else { return Ok(None) };
            let bounded = BoundedChunks::new(index, query, parameters, &postings)?;
            let mut search = TopSearch { bounded, names, count, scores: BinaryHeap::new() };
            search.run(db, user, query, index).map(Some)
        })
    })
}

/// Entry of the index: tid of a chunk, number of a term, and level of the term in the chunk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Posting(u64);

impl Posting {
    fn new(tid: Tid, term: usize, level: u8) -> Self {
        Self(tid.to_bits() << (64 - Tid::BITS) | (term as u64) << 8 | u64::from(level))
    }

    fn tid(self) -> Tid {
        Tid::from_bits(self.0 >> (64 - Tid::BITS))
    }

    fn term(self) -> usize {
        (self.0 >> 8 & 0xFF) as usize
    }

    fn level(self) -> u8 {
        self.0 as u8
    }
}

/// Reads the postings of the query's terms, in the order of tids. None if there are too many, or if the
/// user has chunks with more lexemes than the index holds.
fn read_postings(index: &mut Postings, query: &LanguageQuery) -> Result<Option<Vec<Posting>>> {
    let mut tids_of = |keys: String| -> Result<Option<Vec<Tid>>> {
        check_for_interrupts();
        let keys = CString::new(keys).map_err(|_| {
            Error::new(SqlState::InvalidParameterValue, "a key contains a zero byte")
        })?;
        index.tids(&keys)
    };
    match tids_of(query.keys.of_overflow())? {
        Some(tids) if tids.is_empty() => {}
        _ => return Ok(None),
    }
    let mut postings = Vec::new();
    for (number, term) in query.query.terms.iter().enumerate() {
        let Term::Word(lexemes) = term else { return Ok(None) };
        for (lexeme, level) in
            lexemes.iter().flat_map(|of| (0..LEVELS).map(move |level| (of, level)))
        {
            let Some(tids) = tids_of(query.keys.of_level(lexeme, level))? else {
                return Ok(None);
            };
            postings.extend(tids.into_iter().map(|tid| Posting::new(tid, number, level)));
            if postings.len() > MAX_POSTINGS {
                return Ok(None);
            }
        }
    }
    // A stable sort: it merges the sorted runs of each key.
    postings.sort();
    // Of several lexemes of a term in a chunk, the one with the highest level counts.
    postings.reverse();
    postings.dedup_by_key(|posting| (posting.tid(), posting.term()));
    postings.reverse();
    Ok(Some(postings))
}

/// Chunks by upper bounds of their scores.
struct BoundedChunks {
    scale: Scale,
    chunks_with_term: Vec<u64>,
    /// Bounds and tids, largest bound first.
    heap: BinaryHeap<(Score, Tid)>,
}

/// Score that is never negative, so that its bits have its order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Score(u64);

impl Score {
    fn new(score: f64) -> Self {
        Self(score.max(0.0).to_bits())
    }

    fn value(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl BoundedChunks {
    fn new(
        index: &mut Postings,
        query: &LanguageQuery,
        parameters: Parameters,
        postings: &[Posting],
    ) -> Result<Self> {
        let mut chunks_with_term = vec![0; query.query.terms.len()];
        let mut chunks = Vec::new();
        for of_chunk in postings.chunk_by(|a, b| a.tid() == b.tid()) {
            check_for_interrupts();
            // The index also has entries of deleted and uncommitted rows.
            if index.is_there(of_chunk[0].tid())? {
                of_chunk.iter().for_each(|posting| chunks_with_term[posting.term()] += 1);
                chunks.push(of_chunk);
            }
        }
        let Query { counts, pairs, .. } = &query.query;
        let chunks_in_all = query.statistics.chunks;
        let scale = Scale::new(parameters, chunks_in_all, &chunks_with_term, counts, pairs);
        let bounds: Vec<Vec<f64>> = (0..chunks_with_term.len())
            .map(|term| (0..LEVELS).map(|level| scale.upper_bound(term, level)).collect())
            .collect();
        // Terms of each pair as bits, there are at most MAX_TERMS, and the pair's bound.
        let pairs: Vec<(u64, f64)> = (chunks_with_term.len()..)
            .zip(pairs)
            .map(|(number, pair)| {
                let bits = 1 << pair.first | 1 << pair.second;
                (bits, scale.upper_bound(number, LEVELS - 1))
            })
            .collect();
        let heap = chunks.into_iter().map(|of_chunk| {
            let of_terms = of_chunk.iter().map(|of| bounds[of.term()][usize::from(of.level())]);
            let has = of_chunk.iter().fold(0_u64, |bits, of| bits | 1 << of.term());
            let of_pairs = pairs.iter().filter(|(bits, _)| has & bits == *bits);
            let bound = of_terms.chain(of_pairs.map(|(_, bound)| *bound)).sum();
            (Score::new(bound), of_chunk[0].tid())
        });
        Ok(Self { heap: heap.collect(), scale, chunks_with_term })
    }
}

/// State of the search: the best scores so far.
struct TopSearch<'a> {
    bounded: BoundedChunks,
    names: &'a HashMap<Id, FilenameMatch>,
    count: usize,
    /// Up to `count` best scores, smallest first.
    scores: BinaryHeap<Reverse<Score>>,
}

impl TopSearch<'_> {
    /// Reads chunks in the order of their bounds, until no other chunk can be among the best.
    fn run(
        &mut self,
        db: &Db,
        user: Uuid,
        query: &LanguageQuery,
        index: &mut Postings,
    ) -> Result<TopCandidates> {
        // Bounds do not include scores of names: chunks of documents with matching names are all read.
        let mut candidates = read_chunks_of_named(db, user, query, self.names)?;
        let mut seen: HashSet<Id> = HashSet::new();
        for number in 0..candidates.chunks.len() {
            seen.insert(candidates.chunks[number].id);
            self.add_score(&candidates, number);
        }
        let columns = ChunkColumns::of_table(index)?;
        let (user_id, language) = (index.column(c"user_id")?, index.column(c"language")?);
        let in_index = self.bounded.heap.len();
        let mut matching = None;
        while let Some((bound, tid)) = self.bounded.heap.pop() {
            check_for_interrupts();
            // Hits are compared by f32 scores: a margin covers the lost precision.
            if self.threshold().is_some_and(|least| bound.value() < least * (1.0 - 1e-6)) {
                matching = Some(in_index);
                break;
            }
            let number = candidates.chunks.len();
            index.row(tid, |row| {
                let is_wanted = row.need::<Uuid>(user_id)? == user
                    && row.need::<String>(language)? == query.statistics.language
                    && !seen.contains(row.need::<Uuid>(columns.id)?.as_bytes());
                if is_wanted { candidates.add(query, row, &columns) } else { Ok(()) }
            })?;
            if candidates.chunks.len() > number {
                self.add_score(&candidates, number);
            }
        }
        candidates.chunks_with_term.clone_from(&self.bounded.chunks_with_term);
        Ok(TopCandidates { candidates, matching })
    }

    fn add_score(&mut self, candidates: &Candidates, number: usize) {
        let chunk = &candidates.chunks[number];
        if candidates.terms(chunk).is_empty() {
            return;
        }
        let (score, _) =
            candidates.score(&self.bounded.scale, chunk, self.names.get(&chunk.document));
        self.scores.push(Reverse(Score::new(score)));
        if self.scores.len() > self.count {
            self.scores.pop();
        }
    }

    /// Smallest of the `count` best scores; None while there are fewer.
    fn threshold(&self) -> Option<f64> {
        let is_full = self.scores.len() >= self.count;
        self.scores.peek().filter(|_| is_full).map(|Reverse(score)| score.value())
    }
}
