//! Candidates of a search: chunks and file names of a user with any term of the query.
//!
//! Runs as the owner. Every statement here restricts rows to the user.

use super::keys::title_words_of;
use super::query::LanguageQuery;
use crate::documents::filename_vector;
use crate::pg::error::{Result, check_for_interrupts};
use crate::pg::gin::Postings;
use crate::pg::spi::{Db, PassingRow};
use carrel_core::ranking::{Frequency, PhraseEdges, PhraseMatches, Scale, TermSet};
use carrel_core::tsvector::{Lexemes, View};
use carrel_core::vocabulary::{Beginning, has_word_with};
use pgrx::datum::Uuid;
use std::collections::HashMap;

/// Bytes of a uuid.
pub type Id = [u8; 16];

/// Number of chunks of a user up to which all of them are read, which takes a few milliseconds. The
/// index is not used then: its pending list holds entries of all users.
const READ_ALL_UP_TO: u64 = 2_000;

/// Number of lexemes up to which the index is read. Beginnings of words may have many.
const MAX_KEYS: usize = 1_000;

/// Chunk with any term of the query.
pub struct CandidateChunk {
    pub id: Id,
    pub document: Id,
    pub index: i32,
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
    /// Parts of phrases at the edges of chunks, by index of the chunk.
    edges: Vec<(usize, PhraseEdges)>,
}

/// Numbers of the columns that ranking reads.
pub struct ChunkColumns {
    pub id: usize,
    pub document: usize,
    pub index: usize,
    pub words: usize,
    pub title_words: usize,
    pub search_vector: usize,
    pub content: usize,
    pub heading_path: usize,
    pub section_title: usize,
}

impl ChunkColumns {
    /// Columns of the statements in `sql/search/chunks_*.sql`.
    const SELECTED: Self = Self {
        id: 1,
        document: 2,
        index: 3,
        words: 4,
        title_words: 5,
        search_vector: 6,
        content: 7,
        heading_path: 8,
        section_title: 9,
    };

    /// Columns of the table.
    pub fn of_table(postings: &Postings) -> Result<Self> {
        Ok(Self {
            id: postings.column(c"id")?,
            document: postings.column(c"document_id")?,
            index: postings.column(c"chunk_index")?,
            words: postings.column(c"words")?,
            title_words: postings.column(c"title_words")?,
            search_vector: postings.column(c"search_vector")?,
            content: postings.column(c"content")?,
            heading_path: postings.column(c"heading_path")?,
            section_title: postings.column(c"section_title")?,
        })
    }

    /// True if a chunk has a word with a beginning, in its content or a heading.
    fn is_written(&self, row: &PassingRow, beginning: &Beginning) -> Result<bool> {
        let has = |text: &[u8]| {
            has_word_with(&String::from_utf8_lossy(text), beginning, check_for_interrupts)
        };
        for column in [self.content, self.section_title] {
            if row.with_bytes(column, has)?.unwrap_or(false) {
                return Ok(true);
            }
        }
        let titles: Vec<Option<String>> = row.get(self.heading_path).unwrap_or_default();
        Ok(titles.iter().flatten().any(|title| has(title.as_bytes())))
    }
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
    pub fn add(
        &mut self,
        query: &LanguageQuery,
        row: &PassingRow,
        columns: &ChunkColumns,
    ) -> Result<()> {
        let start = self.terms.len();
        let title_words = title_words_of(row.get(columns.title_words).unwrap_or_default());
        let mut failure = None;
        let mut is_written = |beginning: &Beginning| match columns.is_written(row, beginning) {
            Ok(is_written) => is_written,
            Err(error) => {
                failure = Some(error);
                false
            }
        };
        let read = row.with_bytes(columns.search_vector, |vector| {
            let Ok(view) = View::open(vector) else { return Default::default() };
            let reading =
                query.query.read(&view, title_words, &mut is_written, |term, frequency| {
                    // A pair is no term.
                    if let Some(chunks) = self.chunks_with_term.get_mut(term) {
                        *chunks += 1;
                    }
                    self.terms.push((term as u16, frequency));
                });
            let edges = match query.query.has_phrases() {
                true => query.query.edges(&view, &mut is_written),
                false => PhraseEdges::default(),
            };
            (reading, edges)
        })?;
        if let Some(error) = failure {
            return Err(error);
        }
        let (reading, edges) = read.unwrap_or_default();
        let end = self.terms.len();
        let has_edges = !edges.is_empty();
        if end > start || reading.is_excluded || has_edges {
            if has_edges {
                self.edges.push((self.chunks.len(), edges));
            }
            self.chunks.push(CandidateChunk {
                id: *row.need::<Uuid>(columns.id)?.as_bytes(),
                document: *row.need::<Uuid>(columns.document)?.as_bytes(),
                index: row.need(columns.index)?,
                words: row.need::<i32>(columns.words)? as u32,
                reading,
                terms: (start, end),
            });
        }
        Ok(())
    }

    /// Joins phrases that stand over the edge of two chunks: both chunks match then.
    fn join_edges(&mut self) {
        let place = |chunk: &CandidateChunk| (chunk.document, chunk.index);
        let edges = std::mem::take(&mut self.edges);
        let begun: HashMap<(Id, i32), (usize, &PhraseEdges)> = edges
            .iter()
            .map(|(number, edges)| (place(&self.chunks[*number]), (*number, edges)))
            .collect();
        for (number, edges) in &edges {
            let (document, index) = place(&self.chunks[*number]);
            let Some((before, of_before)) = begun.get(&(document, index - 1)) else { continue };
            // Both are few: a phrase has at most some hundred words.
            for edge in edges.ended.iter().filter(|edge| of_before.begun.contains(edge)) {
                self.chunks[*before].reading.add(*edge);
                self.chunks[*number].reading.add(*edge);
            }
        }
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
    let language = query.statistics.language.as_str();
    let add = |row: &PassingRow| candidates.add(query, row, &ChunkColumns::SELECTED);
    let lexemes = query.indexed_lexemes().count();
    if query.statistics.chunks.texts <= READ_ALL_UP_TO || lexemes > MAX_KEYS {
        db.stream(
            include_str!("../../sql/search/chunks_of_language.sql"),
            &[user.into(), language.into()],
            add,
        )?;
    } else {
        let keys = query.keys.of_chunks(query.indexed_lexemes());
        db.read_by_index(|| {
            db.stream(
                include_str!("../../sql/search/chunks_by_keys.sql"),
                &[user.into(), language.into(), keys.as_str().into()],
                add,
            )
        })?;
    }
    candidates.join_edges();
    Ok(candidates)
}

/// Reads the chunks with any term of the query, of the documents whose names match.
pub fn read_chunks_of_named(
    db: &Db,
    user: Uuid,
    query: &LanguageQuery,
    names: &HashMap<Id, FilenameMatch>,
) -> Result<Candidates> {
    let mut candidates = Candidates::new(query);
    if names.is_empty() {
        return Ok(candidates);
    }
    let documents: Vec<Uuid> = names.keys().map(|id| Uuid::from_bytes(*id)).collect();
    db.stream(
        include_str!("../../sql/search/chunks_of_documents.sql"),
        &[user.into(), documents.into(), query.statistics.language.as_str().into()],
        |row| candidates.add(query, row, &ChunkColumns::SELECTED),
    )?;
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
