//! The texts of a user that have any of the words of a query: what ranking chooses from.
//!
//! Runs as the owner. Every statement here names the user in its own text.

use super::query::LanguageQuery;
use crate::documents::filename_vector;
use crate::error::{Result, check_for_interrupts};
use crate::spi::{Db, PassingRow};
use carrel_core::ranking::{Frequency, Reading};
use carrel_core::tsvector::View;
use pgrx::datum::Uuid;
use std::collections::HashMap;

/// A uuid's bytes.
pub type Id = [u8; 16];

/// Up to so many chunks of a user's are all read: that takes few milliseconds, and nothing of the index,
/// in which entries that are still pending are everybody's.
const FEW: u64 = 2_000;

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
#[derive(Default)]
pub struct Candidates {
    pub chunks: Vec<Candidate>,
    found: Vec<(u16, Frequency)>,
    /// In how many chunks each term is.
    pub found_in: Vec<u64>,
}

impl Candidates {
    /// The terms that a candidate has.
    pub fn terms(&self, candidate: &Candidate) -> &[(u16, Frequency)] {
        &self.found[candidate.found.0..candidate.found.1]
    }
}

/// The chunks with any of the words. Those of the documents that a filter leaves out are among them:
/// what a word is worth does not depend on filters.
pub fn chunks(db: &Db, user: Uuid, query: &LanguageQuery) -> Result<Candidates> {
    let mut candidates =
        Candidates { found_in: vec![0; query.query.terms.len()], ..Candidates::default() };
    let read = |row: &PassingRow| {
        let start = candidates.found.len();
        let title_words = u16::try_from(row.need::<i32>(5)?).unwrap_or(u16::MAX);
        let reading = row.with_bytes(6, |vector| {
            let Ok(view) = View::open(vector) else { return Reading::default() };
            query.query.read(&view, title_words, |term, frequency| {
                candidates.found_in[term] += 1;
                candidates.found.push((term as u16, frequency));
            })
        })?;
        let reading = reading.unwrap_or_default();
        let end = candidates.found.len();
        if end > start || reading.is_excluded {
            candidates.chunks.push(Candidate {
                id: *row.need::<Uuid>(1)?.as_bytes(),
                document: *row.need::<Uuid>(2)?.as_bytes(),
                index: row.need(3)?,
                words: row.need::<i32>(4)? as u32,
                reading,
                found: (start, end),
            });
        }
        Ok(())
    };
    let language = query.statistics.language.as_str();
    if query.statistics.chunks.texts <= FEW {
        db.stream(
            "select id, document_id, chunk_index, words, coalesce(title_words, 0), search_vector from carrel.document_chunks
            where user_id = $1 and language = $2 and words is not null",
            &[user.into(), language.into()],
            read,
        )?;
    } else {
        db.read_by_index(|| {
            // Not by an index on user_id.
            db.stream(
                "select id, document_id, chunk_index, words, coalesce(title_words, 0), search_vector from carrel.document_chunks
                where (user_id = $1) is true and language = $2 and words is not null
                    and carrel.search_keys(user_id, search_vector) @@ $3::tsquery",
                &[user.into(), language.into(), query.keys.as_str().into()],
                read,
            )
        })?;
    }
    Ok(candidates)
}

/// The documents with any of the words in their names, and which.
pub fn names(db: &Db, user: Uuid, query: &mut LanguageQuery) -> Result<HashMap<Id, Name>> {
    let mut found: Vec<(Id, String)> = Vec::new();
    db.read_by_index(|| {
        db.stream(
            "select id, filename from carrel.documents
            where (user_id = $1) is true and language = $2
                and carrel.search_keys(user_id, ts_filter(search_vector, '{a}')) @@ $3::tsquery",
            &[user.into(), query.statistics.language.as_str().into(), query.keys.as_str().into()],
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
