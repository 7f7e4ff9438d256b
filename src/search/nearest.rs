//! Chunks of a user whose embeddings are nearest to the embedding of a query.
//!
//! Runs as the owner. Every statement here restricts rows to the user.

use super::candidates::Id;
use crate::documents::embeddings::EmbeddingType;
use crate::pg::error::Result;
use crate::pg::spi::{Arg, Db};
use pgrx::datum::Uuid;
use std::collections::HashSet;

/// Number of chunks of a user up to which all embeddings are compared, which takes some ten
/// milliseconds. The index holds chunks of all users: for a small user it would find few.
const COMPARE_ALL_UP_TO: u64 = 10_000;

/// Number of chunks that the index is asked for.
pub const MAX_NEIGHBOURS: usize = 1_000;

/// Chunk with its distance to the embedding of the query.
pub struct Neighbour {
    pub id: Id,
    pub document: Id,
    pub index: i32,
    pub language: String,
    distance: f64,
}

const ALL: &str = include_str!("../../sql/search/all_by_embedding.sql");
const NEAREST: &str = include_str!("../../sql/search/nearest_by_embedding.sql");

/// Reads the chunks of a user, nearest (cosine) first; of some documents, or of all. Returns true as
/// well if these are all chunks with an embedding.
///
/// Users with more than [`COMPARE_ALL_UP_TO`] get the [`MAX_NEIGHBOURS`] nearest that the index finds, unless
/// `all` is set or the index finds fewer.
pub fn read_nearest(
    db: &Db,
    user: Uuid,
    embedding_type: &EmbeddingType,
    embedding: &str,
    documents: Option<&HashSet<Id>>,
    chunk_count: u64,
    all: bool,
) -> Result<(Vec<Neighbour>, bool)> {
    let documents: Option<Vec<Uuid>> =
        documents.map(|ids| ids.iter().map(|id| Uuid::from_bytes(*id)).collect());
    let args: [Arg; 4] =
        [user.into(), embedding.into(), documents.into(), (MAX_NEIGHBOURS as i64).into()];
    let read = |statement, args: &[Arg]| {
        let mut neighbours = Vec::new();
        db.stream(embedding_type.sql(statement), args, |row| {
            neighbours.push(Neighbour {
                id: *row.need::<Uuid>(1)?.as_bytes(),
                document: *row.need::<Uuid>(2)?.as_bytes(),
                index: row.need(3)?,
                language: row.need(4)?,
                distance: row.need(5)?,
            });
            Ok(())
        })?;
        Ok(neighbours)
    };
    if !all && chunk_count > COMPARE_ALL_UP_TO {
        let neighbours = db.read_nearest(|| read(NEAREST, &args))?;
        if neighbours.len() == MAX_NEIGHBOURS {
            return Ok((sorted(neighbours), false));
        }
    }
    let neighbours = db.planned_for_values(|| read(ALL, &args[..3]))?;
    Ok((sorted(neighbours), true))
}

/// Sorts by distance; ties by document and index.
fn sorted(mut neighbours: Vec<Neighbour>) -> Vec<Neighbour> {
    neighbours.sort_unstable_by(|a, b| {
        let position = |neighbour: &Neighbour| (neighbour.document, neighbour.index);
        a.distance.total_cmp(&b.distance).then_with(|| position(a).cmp(&position(b)))
    });
    neighbours
}
