//! Of very many chunks with any of the words, those that can be among the best: the index knows of each
//! how much a word says about it at most, so that only few are read.
//!
//! Runs as the owner. Whose rows are meant is in the keys, and asked of every row that is read.

use super::candidates::{Candidates, Columns, Id, Name, of_documents};
use super::query::LanguageQuery;
use crate::pg::error::{Error, Result, SqlState, check_for_interrupts};
use crate::pg::gin::{Postings, Tid};
use crate::pg::spi::Db;
use carrel_core::ranking::{LEVELS, Parameters, Scale};
use pgrx::datum::Uuid;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::ffi::CString;

/// Up to so many chunks of a user's, reading all that have any of the words takes less than some tens of
/// milliseconds.
const FEW_CHUNKS: u64 = 20_000;

/// The most words of a query, names with any of them, and results for which this is worth its work.
const MOST_TERMS: usize = 16;
/// Longer words may be cut in their keys, and share these with others.
const MOST_BYTES: usize = 2_000;
const MOST_NAMES: usize = 100;
pub const MOST_RESULTS: usize = 1_000;

/// What is remembered of the index, at most: eight bytes each.
const MOST_POSTINGS: usize = 8_000_000;

/// Chunks among which are the best.
pub struct Top {
    /// With in how many chunks each term is, those that were not read as well.
    pub candidates: Candidates,
    /// Whether not all that have any of the words were read.
    pub is_cut: bool,
}

/// Chunks among which are the `count` best for a query; None where that is not known without reading all.
pub fn chunks(
    db: &Db,
    user: Uuid,
    query: &LanguageQuery,
    names: &HashMap<Id, Name>,
    parameters: Parameters,
    count: usize,
) -> Result<Option<Top>> {
    let terms = &query.query.terms;
    let is_plain = query.query.required.is_empty()
        && query.query.excluded.is_empty()
        && terms.iter().all(|term| !term.is_prefix && term.lexeme.len() <= MOST_BYTES);
    let is_worth_it = query.statistics.chunks.texts > FEW_CHUNKS
        && terms.len() <= MOST_TERMS
        && names.len() <= MOST_NAMES
        && count <= MOST_RESULTS;
    if !is_plain || !is_worth_it {
        return Ok(None);
    }
    db.read_by_index(|| {
        Postings::with(c"document_chunks", c"document_chunks_search_keys_idx", |postings| {
            let Some(places) = places(postings, query)? else { return Ok(None) };
            let ranked = Ranked::new(postings, query, parameters, &places)?;
            let mut best = Best { ranked, names, count, scores: BinaryHeap::new() };
            best.read(db, user, query, postings).map(Some)
        })
    })
}

/// What the index says of a chunk: where it is, and of one of its terms the number and the level.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Posting(u64);

impl Posting {
    fn new(place: Tid, term: usize, level: u8) -> Self {
        Self(place.to_bits() << (64 - Tid::BITS) | (term as u64) << 8 | u64::from(level))
    }

    fn place(self) -> Tid {
        Tid::from_bits(self.0 >> (64 - Tid::BITS))
    }

    fn term(self) -> usize {
        (self.0 >> 8 & 0xFF) as usize
    }

    fn level(self) -> u8 {
        self.0 as u8
    }
}

/// What the index has for the terms, in the order of places; None where there are chunks of which it does
/// not know all words.
fn places(postings: &mut Postings, query: &LanguageQuery) -> Result<Option<Vec<Posting>>> {
    let mut ask = |keys: String| -> Result<Option<Vec<Tid>>> {
        check_for_interrupts();
        let keys = CString::new(keys).map_err(|_| {
            Error::new(SqlState::InvalidParameterValue, "a key contains a zero byte")
        })?;
        postings.tids(&keys)
    };
    match ask(query.keys.of_overflow())? {
        Some(places) if places.is_empty() => {}
        _ => return Ok(None),
    }
    let mut found = Vec::new();
    for (number, term) in query.query.terms.iter().enumerate() {
        for level in 0..LEVELS {
            let Some(places) = ask(query.keys.of_level(&term.lexeme, level))? else {
                return Ok(None);
            };
            found.extend(places.into_iter().map(|place| Posting::new(place, number, level)));
            if found.len() > MOST_POSTINGS {
                return Ok(None);
            }
        }
    }
    // Some runs that are sorted already, which this sort merges.
    found.sort();
    Ok(Some(found))
}

/// Chunks by the most that they can score.
struct Ranked {
    scale: Scale,
    found_in: Vec<u64>,
    /// The most that the chunk at a place can score.
    chunks: BinaryHeap<(Score, Tid)>,
}

/// A score: never negative, so that its bits are in its order.
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

impl Ranked {
    fn new(
        postings: &mut Postings,
        query: &LanguageQuery,
        parameters: Parameters,
        found: &[Posting],
    ) -> Result<Self> {
        let mut found_in = vec![0; query.query.terms.len()];
        let mut chunks = Vec::new();
        for of_chunk in found.chunk_by(|a, b| a.place() == b.place()) {
            check_for_interrupts();
            // The index knows of rows, too, that are gone or not there yet.
            if postings.is_there(of_chunk[0].place())? {
                of_chunk.iter().for_each(|posting| found_in[posting.term()] += 1);
                chunks.push(of_chunk);
            }
        }
        let scale = Scale::new(parameters, query.statistics.chunks, &found_in);
        let most: Vec<Vec<f64>> = (0..found_in.len())
            .map(|term| (0..LEVELS).map(|level| scale.upper_bound(term, level)).collect())
            .collect();
        let chunks = chunks.into_iter().map(|of_chunk| {
            let most = of_chunk.iter().map(|of| most[of.term()][usize::from(of.level())]);
            (Score::new(most.sum()), of_chunk[0].place())
        });
        Ok(Self { chunks: chunks.collect(), scale, found_in })
    }
}

/// The best chunks, as they are found.
struct Best<'a> {
    ranked: Ranked,
    names: &'a HashMap<Id, Name>,
    count: usize,
    /// The best scores so far, as many as are wanted.
    scores: BinaryHeap<Reverse<Score>>,
}

impl Best<'_> {
    /// Reads chunks from the one that can score most, until no other can be among the best.
    fn read(
        &mut self,
        db: &Db,
        user: Uuid,
        query: &LanguageQuery,
        postings: &mut Postings,
    ) -> Result<Top> {
        // What a name adds to a score, the index does not know: those are all read.
        let mut candidates = of_documents(db, user, query, self.names)?;
        let mut seen: HashSet<Id> = HashSet::new();
        for number in 0..candidates.chunks.len() {
            seen.insert(candidates.chunks[number].id);
            self.count_in(&candidates, number);
        }
        let columns = Columns::of_table(postings)?;
        let (user_id, language) = (postings.column(c"user_id")?, postings.column(c"language")?);
        let mut is_cut = false;
        while let Some((most, place)) = self.ranked.chunks.pop() {
            check_for_interrupts();
            // Scores are compared with less precision than they are computed with.
            if self.least().is_some_and(|least| most.value() < least * (1.0 - 1e-6)) {
                is_cut = true;
                break;
            }
            let number = candidates.chunks.len();
            postings.row(place, |row| {
                let is_meant = row.need::<Uuid>(user_id)? == user
                    && row.need::<String>(language)? == query.statistics.language
                    && !seen.contains(row.need::<Uuid>(columns.id)?.as_bytes());
                if is_meant { candidates.read(query, row, &columns) } else { Ok(()) }
            })?;
            if candidates.chunks.len() > number {
                self.count_in(&candidates, number);
            }
        }
        candidates.found_in.clone_from(&self.ranked.found_in);
        Ok(Top { candidates, is_cut })
    }

    fn count_in(&mut self, candidates: &Candidates, number: usize) {
        let chunk = &candidates.chunks[number];
        if candidates.terms(chunk).is_empty() {
            return;
        }
        let (score, _) =
            candidates.score(&self.ranked.scale, chunk, self.names.get(&chunk.document));
        self.scores.push(Reverse(Score::new(score)));
        if self.scores.len() > self.count {
            self.scores.pop();
        }
    }

    /// The least of the best scores, once there are as many as are wanted.
    fn least(&self) -> Option<f64> {
        let is_full = self.scores.len() >= self.count;
        self.scores.peek().filter(|_| is_full).map(|Reverse(score)| score.value())
    }
}
