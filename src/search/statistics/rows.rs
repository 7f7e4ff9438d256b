//! Rows of the search statistics.

use crate::pg::error::Result;
use crate::pg::spi::Db;
use pgrx::datum::Uuid;

/// User and language of texts.
pub type Texts = ([u8; 16], String);

/// Inserts a row of the search statistics.
pub fn add(
    db: &Db,
    (user, language): &Texts,
    [chunks, words]: [i64; 2],
    vocabulary: Vec<u8>,
) -> Result<()> {
    db.execute(
        include_str!("../../../sql/search/statistics/add.sql"),
        &[
            Uuid::from_bytes(*user).into(),
            language.as_str().into(),
            chunks.into(),
            words.into(),
            vocabulary.into(),
        ],
    )?;
    Ok(())
}
