//! Words as written in chunks, for terms that are beginnings of words.

use super::query::LanguageQuery;
use crate::pg::error::{Result, check_for_interrupts};
use crate::pg::spi::Db;
use carrel_core::postings::Matches;
use carrel_core::ranking::{Lexeme, Term};
use carrel_core::tsvector::Lexemes;
use carrel_core::vocabulary::{Beginning, has_word_with};
use pgrx::datum::Uuid;
use std::collections::HashSet;

/// Chunks that have a word with a beginning of the query.
///
/// A lexeme is of several words: those that begin as the query says, and others. So the texts of the chunks
/// are read.
#[derive(Default)]
pub struct Written<'q> {
    beginnings: Vec<(&'q Beginning, &'q [Lexeme])>,
    /// Chunks that have a word with a beginning, by its number.
    chunks: HashSet<([u8; 16], usize)>,
}

impl<'q> Written<'q> {
    /// Reads the chunks that have a lexeme of any beginning.
    pub fn read(db: &Db, user: Uuid, query: &'q LanguageQuery, matches: &Matches) -> Result<Self> {
        let mut beginnings: Vec<(&Beginning, &[Lexeme])> = Vec::new();
        for term in query.all_terms() {
            if let Term::Prefix { beginning, lexemes } = term
                && beginnings.iter().all(|(known, _)| *known != beginning)
            {
                beginnings.push((beginning, lexemes));
            }
        }
        if beginnings.is_empty() {
            return Ok(Self::default());
        }
        let has_any = |lexemes: &[Lexeme], lexeme: &[u8]| {
            lexemes.binary_search_by(|of| (**of).cmp(lexeme)).is_ok()
        };
        let mut wanted: Vec<Uuid> = Vec::new();
        for (key, chunk) in matches.iter() {
            check_for_interrupts();
            let mut lexemes = chunk.iter().map(|(lexeme, _)| lexeme);
            if lexemes.any(|lexeme| beginnings.iter().any(|(_, of)| has_any(of, lexeme))) {
                wanted.push(Uuid::from_bytes(key.id));
            }
        }
        let mut chunks = HashSet::new();
        if wanted.is_empty() {
            return Ok(Self { beginnings, chunks });
        }
        db.stream(
            include_str!("../../sql/search/texts_of_chunks.sql"),
            &[user.into(), wanted.into()],
            |row| {
                let id = *row.need::<Uuid>(1)?.as_bytes();
                for (number, (beginning, _)) in beginnings.iter().enumerate() {
                    let is_in = |column| {
                        row.with_bytes(column, |text| {
                            let text = String::from_utf8_lossy(text);
                            has_word_with(&text, beginning, check_for_interrupts)
                        })
                    };
                    if is_in(2)?.unwrap_or(false) || is_in(3)?.unwrap_or(false) {
                        chunks.insert((id, number));
                    }
                }
                Ok(())
            },
        )?;
        Ok(Self { beginnings, chunks })
    }

    /// True if a chunk has a word with a beginning.
    pub fn has(&self, chunk: &[u8; 16], beginning: &Beginning) -> bool {
        let number = self.beginnings.iter().position(|(known, _)| *known == beginning);
        number.is_some_and(|number| self.chunks.contains(&(*chunk, number)))
    }
}
