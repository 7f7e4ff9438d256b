//! Rows of the search statistics.

use crate::pg::error::Result;
use crate::pg::spi::Db;
use pgrx::datum::Uuid;

/// User and language of texts.
pub type Texts = ([u8; 16], String);

/// Content of a row: a change of the texts of a user in one language. Rows add up.
#[derive(Default)]
pub struct Summary {
    pub chunks: i64,
    pub words: i64,
    pub vocabulary: Vec<u8>,
    /// Number of texts that `postings` remove.
    pub removed: i64,
    pub postings: Vec<u8>,
}

impl Summary {
    /// True if it changes nothing.
    pub fn is_empty(&self) -> bool {
        let Self { chunks, words, vocabulary, removed: _, postings } = self;
        (*chunks, *words) == (0, 0) && vocabulary.is_empty() && postings.is_empty()
    }

    /// Inserts a row, unless it would change nothing.
    pub fn insert(self, db: &Db, (user, language): &Texts) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        db.execute(
            include_str!("../../../sql/search/statistics/add.sql"),
            &[
                Uuid::from_bytes(*user).into(),
                language.as_str().into(),
                self.chunks.into(),
                self.words.into(),
                self.vocabulary.into(),
                self.removed.into(),
                self.postings.into(),
            ],
        )?;
        Ok(())
    }
}
