//! The texts of a user that have any of the words of a query: what ranking chooses from.
//!
//! Runs as the owner. Every statement here names the user in its own text.

use super::keys::title_words_of;
use super::query::LanguageQuery;
use crate::documents::filename_vector;
use crate::pg::error::{Result, check_for_interrupts};
use crate::pg::gin::Postings;
use crate::pg::spi::{Db, PassingRow};
use carrel_core::ranking::{Frequency, Reading, Scale};
use carrel_core::tsvector::View;
use pgrx::datum::Uuid;
use std::collections::HashMap;

/// A uuid's bytes.
pub type Id = [u8; 16];

/// Up to so many chunks of a user's are all read: that takes few milliseconds, and nothing of the index,
/// in which entries that are still pending are everybody's.
const FEW_CHUNKS: u64 = 2_000;

/// A chunk with any of the words.
pub struct Candidate {
    pub id: Id,
    pub document: Id,
    pub index: i32,
    pub words: u32,
    pub reading: Reading,
    /// Which of [`Candidates::found`] are its own.
    found: (usize, usize),
}

/// The chunks of one language.
pub struct Candidates {
    pub chunks: Vec<Candidate>,
    found: Vec<(u16, Frequency)>,
    /// In how many chunks each term is.
    pub found_in: Vec<u64>,
}

/// The numbers of the columns that ranking reads.
pub struct Columns {
    pub id: usize,
    pub document: usize,
    pub index: usize,
    pub words: usize,
    pub title_words: usize,
    pub search_vector: usize,
}

impl Columns {
    /// Those of the statements here.
    const SELECTED: Self =
        Self { id: 1, document: 2, index: 3, words: 4, title_words: 5, search_vector: 6 };

    /// Those of the table.
    pub fn of_table(postings: &Postings) -> Result<Self> {
        Ok(Self {
            id: postings.column(c"id")?,
            document: postings.column(c"document_id")?,
            index: postings.column(c"chunk_index")?,
            words: postings.column(c"words")?,
            title_words: postings.column(c"title_words")?,
            search_vector: postings.column(c"search_vector")?,
        })
    }
}

impl Candidates {
    fn new(query: &LanguageQuery) -> Self {
        let found_in = vec![0; query.query.terms.len()];
        Self { chunks: Vec::new(), found: Vec::new(), found_in }
    }

    /// The terms that a candidate has.
    pub fn terms(&self, candidate: &Candidate) -> &[(u16, Frequency)] {
        &self.found[candidate.found.0..candidate.found.1]
    }

    /// The score of a candidate, of whose document's name this is known, and how many terms it has.
    pub fn score(&self, scale: &Scale, chunk: &Candidate, name: Option<&Name>) -> (f64, usize) {
        score(scale, u64::from(chunk.words), self.terms(chunk), name)
    }

    /// Takes a chunk, if it has any of the words.
    pub fn read(
        &mut self,
        query: &LanguageQuery,
        row: &PassingRow,
        columns: &Columns,
    ) -> Result<()> {
        let start = self.found.len();
        let title_words = title_words_of(row.get(columns.title_words).unwrap_or_default());
        let reading = row.with_bytes(columns.search_vector, |vector| {
            let Ok(view) = View::open(vector) else { return Reading::default() };
            query.query.read(&view, title_words, |term, frequency| {
                self.found_in[term] += 1;
                self.found.push((term as u16, frequency));
            })
        })?;
        let reading = reading.unwrap_or_default();
        let end = self.found.len();
        if end > start || reading.is_excluded {
            self.chunks.push(Candidate {
                id: *row.need::<Uuid>(columns.id)?.as_bytes(),
                document: *row.need::<Uuid>(columns.document)?.as_bytes(),
                index: row.need(columns.index)?,
                words: row.need::<i32>(columns.words)? as u32,
                reading,
                found: (start, end),
            });
        }
        Ok(())
    }
}

/// The score of a text with these terms, of which some may be in its name as well, and how many terms
/// that are.
pub fn score(
    scale: &Scale,
    words: u64,
    found: &[(u16, Frequency)],
    name: Option<&Name>,
) -> (f64, usize) {
    let named = name.map_or(&[][..], |name| &name.terms);
    let text = found.iter().map(|(term, frequency)| {
        let frequency = if named.binary_search(term).is_ok() {
            frequency.with(Frequency::IN_NAME)
        } else {
            *frequency
        };
        (usize::from(*term), frequency)
    });
    let only_named = named
        .iter()
        .filter(|term| found.binary_search_by_key(*term, |(found, _)| *found).is_err())
        .map(|term| (usize::from(*term), Frequency::IN_NAME));
    let mut matched = 0;
    let score = scale.score(words, text.chain(only_named).inspect(|_| matched += 1));
    (score, matched)
}

/// The chunks with any of the words. Those of the documents that a filter leaves out are among them:
/// what a word is worth does not depend on filters.
pub fn chunks(db: &Db, user: Uuid, query: &LanguageQuery) -> Result<Candidates> {
    let mut candidates = Candidates::new(query);
    let language = query.statistics.language.as_str();
    let read = |row: &PassingRow| candidates.read(query, row, &Columns::SELECTED);
    if query.statistics.chunks.texts <= FEW_CHUNKS {
        db.stream(
            include_str!("../../sql/search/chunks_of_language.sql"),
            &[user.into(), language.into()],
            read,
        )?;
    } else {
        let keys = query.keys.of_chunks(query.looked_for());
        db.read_by_index(|| {
            db.stream(
                include_str!("../../sql/search/chunks_by_keys.sql"),
                &[user.into(), language.into(), keys.as_str().into()],
                read,
            )
        })?;
    }
    Ok(candidates)
}

/// The chunks with any of the words of the documents with these names.
pub fn of_documents(
    db: &Db,
    user: Uuid,
    query: &LanguageQuery,
    names: &HashMap<Id, Name>,
) -> Result<Candidates> {
    let mut candidates = Candidates::new(query);
    if names.is_empty() {
        return Ok(candidates);
    }
    let documents: Vec<Uuid> = names.keys().map(|id| Uuid::from_bytes(*id)).collect();
    db.stream(
        include_str!("../../sql/search/chunks_of_documents.sql"),
        &[user.into(), documents.into(), query.statistics.language.as_str().into()],
        |row| candidates.read(query, row, &Columns::SELECTED),
    )?;
    Ok(candidates)
}

/// The documents with any of the words in their names, and which.
pub fn names(db: &Db, user: Uuid, query: &mut LanguageQuery) -> Result<HashMap<Id, Name>> {
    let mut found: Vec<(Id, String)> = Vec::new();
    let keys = query.keys.of_names(query.looked_for());
    db.read_by_index(|| {
        db.stream(
            include_str!("../../sql/search/filenames_by_keys.sql"),
            &[user.into(), query.statistics.language.as_str().into(), keys.as_str().into()],
            |row| {
                found.push((*row.need::<Uuid>(1)?.as_bytes(), row.need(2)?));
                Ok(())
            },
        )
    })?;
    let mut names = HashMap::with_capacity(found.len());
    for (id, filename) in found {
        check_for_interrupts();
        let vector = filename_vector(&mut query.parser, &filename)?;
        let Ok(view) = View::open(&vector) else { continue };
        let mut terms = Vec::new();
        let reading = query.query.read(&view, 0, |term, _| terms.push(term as u16));
        names.insert(id, Name { terms, reading });
    }
    Ok(names)
}

/// What a file name has of a query.
pub struct Name {
    pub terms: Vec<u16>,
    pub reading: Reading,
}
