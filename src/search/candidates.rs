//! Candidates of a search: chunks and file names of a user with any term of the query.
//!
//! Runs as the owner. Every statement here restricts rows to the user.

use super::query::LanguageQuery;
use super::statistics;
use super::written::Written;
use crate::documents::filename_vector;
use crate::pg::error::{Result, check_for_interrupts};
use crate::pg::spi::Db;
use carrel_core::postings::{Key, MatchedText};
use carrel_core::ranking::{Frequency, PhraseEdges, PhraseMatches, Scale, TermSet};
use carrel_core::tsvector::View;
use carrel_core::vocabulary::{Beginning, has_word_with};
use pgrx::datum::Uuid;
use std::collections::HashMap;

/// Bytes of a uuid.
pub type Id = [u8; 16];

/// Chunk with any term of the query.
pub struct CandidateChunk {
    pub id: Id,
    pub document: Id,
    pub words: u32,
    pub reading: PhraseMatches,
    /// Range in [`Candidates::terms`].
    terms: (usize, usize),
}

/// Candidates in one language.
pub struct Candidates {
    pub chunks: Vec<CandidateChunk>,
    /// Terms of the chunks with their frequencies, chunk by chunk.
    terms: Vec<(u16, Frequency)>,
    /// Number of chunks that have a term, by term.
    pub chunks_with_term: Vec<u64>,
    /// Parts of phrases at the edges of chunks, by number of the chunk.
    edges: Vec<(usize, PhraseEdges)>,
}

impl Candidates {
    fn new(query: &LanguageQuery) -> Self {
        let chunks_with_term = vec![0; query.query.terms.len()];
        Self { chunks: Vec::new(), terms: Vec::new(), chunks_with_term, edges: Vec::new() }
    }

    /// Terms of a candidate.
    pub fn terms(&self, candidate: &CandidateChunk) -> &[(u16, Frequency)] {
        &self.terms[candidate.terms.0..candidate.terms.1]
    }

    /// Scores a candidate, given the terms in its document's name. Returns its terms as well.
    pub fn score(
        &self,
        scale: &Scale,
        chunk: &CandidateChunk,
        name: Option<&FilenameMatch>,
    ) -> (f64, TermSet) {
        let (terms, count) = (self.terms(chunk), self.chunks_with_term.len());
        score(scale, u64::from(chunk.words), terms, count, name)
    }

    /// Adds a chunk, if it has any term of the query.
    fn add(&mut self, query: &LanguageQuery, chunk: &MatchedText, written: &Written) {
        let start = self.terms.len();
        let text = &chunk.text;
        let is_written = |beginning: &Beginning| written.has(&text.id, beginning);
        let found = |term, frequency| {
            // A pair is no term.
            if let Some(chunks) = self.chunks_with_term.get_mut(term) {
                *chunks += 1;
            }
            self.terms.push((term as u16, frequency));
        };
        let reading = query.query.read(chunk, text.title_words, is_written, found);
        let edges = match query.query.has_phrases() {
            true => query.query.edges(chunk, is_written),
            false => PhraseEdges::default(),
        };
        let terms = (start, self.terms.len());
        if terms.1 == start && !reading.is_excluded && edges.is_empty() {
            return;
        }
        if !edges.is_empty() {
            self.edges.push((self.chunks.len(), edges));
        }
        let (id, document, words) = (text.id, text.document, text.words);
        self.chunks.push(CandidateChunk { id, document, words, reading, terms });
    }

    /// Joins phrases that stand over the edge of two chunks: both chunks match then.
    fn join_edges(&mut self, db: &Db) -> Result<()> {
        let edges = std::mem::take(&mut self.edges);
        if edges.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> =
            edges.iter().map(|(number, _)| Uuid::from_bytes(self.chunks[*number].id)).collect();
        let indexes: HashMap<Id, i32> = db
            .rows(
                "select id, chunk_index from carrel.document_chunks where id = any ($1)",
                &[ids.into()],
                |row| Ok((*row.need::<Uuid>(1)?.as_bytes(), row.need(2)?)),
            )?
            .into_iter()
            .collect();
        let place = |chunk: &CandidateChunk| Some((chunk.document, *indexes.get(&chunk.id)?));
        let begun: HashMap<(Id, i32), (usize, &PhraseEdges)> = edges
            .iter()
            .filter_map(|(number, edges)| Some((place(&self.chunks[*number])?, (*number, edges))))
            .collect();
        for (number, edges) in &edges {
            let Some((document, index)) = place(&self.chunks[*number]) else { continue };
            let Some((before, of_before)) = begun.get(&(document, index - 1)) else { continue };
            // Both are few: a phrase has at most some hundred words.
            for edge in edges.ended.iter().filter(|edge| of_before.begun.contains(edge)) {
                self.chunks[*before].reading.add(*edge);
                self.chunks[*number].reading.add(*edge);
            }
        }
        Ok(())
    }
}

/// Scores a text by its terms and by the terms in its document's name. Returns the terms of both as
/// well. Numbers from `count` on are pairs of terms.
pub fn score(
    scale: &Scale,
    words: u64,
    terms: &[(u16, Frequency)],
    count: usize,
    name: Option<&FilenameMatch>,
) -> (f64, TermSet) {
    let named = name.map_or(&[][..], |name| &name.terms);
    let text = terms.iter().map(|(term, frequency)| {
        let frequency = if named.binary_search(term).is_ok() {
            frequency.with(Frequency::IN_NAME)
        } else {
            *frequency
        };
        (usize::from(*term), frequency)
    });
    let only_named = named
        .iter()
        .filter(|term| terms.binary_search_by_key(*term, |(term, _)| *term).is_err())
        .map(|term| (usize::from(*term), Frequency::IN_NAME));
    let mut found = TermSet::default();
    let terms = text.chain(only_named).inspect(|(term, _)| {
        if *term < count {
            found.insert(*term as u16);
        }
    });
    (scale.score(words, terms), found)
}

/// Reads the chunks with any term of the query. Filters are not applied: the weight of a term must not
/// depend on them.
pub fn read_chunks(db: &Db, user: Uuid, query: &LanguageQuery) -> Result<Candidates> {
    let mut candidates = Candidates::new(query);
    let mut lexemes: Vec<&[u8]> = query.indexed_lexemes().collect();
    lexemes.sort_unstable();
    lexemes.dedup();
    if lexemes.is_empty() {
        return Ok(candidates);
    }
    let segments = statistics::segments(db, user, &query.statistics.language)?;
    let mut removed: HashMap<Key, usize> = HashMap::new();
    for segment in &segments {
        for key in segment.removed()? {
            *removed.entry(key).or_default() += 1;
        }
    }
    for segment in &segments {
        check_for_interrupts();
        let matches = segment.find(&lexemes)?;
        let written = Written::read(db, user, query, &matches)?;
        for (key, chunk) in matches.iter() {
            check_for_interrupts();
            // A removal takes one of equal texts away: all of them match alike.
            match removed.get_mut(&key) {
                Some(count) if *count > 0 => *count -= 1,
                _ => candidates.add(query, &chunk, &written),
            }
        }
    }
    candidates.join_edges(db)?;
    Ok(candidates)
}

/// Reads the documents with any term of the query in their names.
pub fn read_names(
    db: &Db,
    user: Uuid,
    query: &mut LanguageQuery,
) -> Result<HashMap<Id, FilenameMatch>> {
    let mut filenames: Vec<(Id, String)> = Vec::new();
    let keys = query.keys.of_names(query.indexed_lexemes());
    db.read_by_index(|| {
        db.stream(
            include_str!("../../sql/search/filenames_by_keys.sql"),
            &[user.into(), query.statistics.language.as_str().into(), keys.as_str().into()],
            |row| {
                filenames.push((*row.need::<Uuid>(1)?.as_bytes(), row.need(2)?));
                Ok(())
            },
        )
    })?;
    let mut names = HashMap::with_capacity(filenames.len());
    for (id, filename) in filenames {
        check_for_interrupts();
        let vector = filename_vector(&mut query.parser, &filename)?;
        let Ok(view) = View::open(&vector) else { continue };
        let mut terms = Vec::new();
        let is_written =
            |beginning: &Beginning| has_word_with(&filename, beginning, check_for_interrupts);
        let term_count = query.query.terms.len();
        let reading = query.query.read(&view, 0, is_written, |term, _| {
            if term < term_count {
                terms.push(term as u16);
            }
        });
        names.insert(id, FilenameMatch { terms, reading });
    }
    Ok(names)
}

/// Terms and phrases of a query in a file name.
pub struct FilenameMatch {
    /// Numbers of the terms, ascending.
    pub terms: Vec<u16>,
    pub reading: PhraseMatches,
}
