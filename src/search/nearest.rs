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
const MAX_NEIGHBOURS: usize = 1_000;

/// Chunk with its distance to the embedding of the query.
pub struct Neighbour {
    pub id: Id,
    pub document: Id,
    pub language: String,
    /// Cosine of its embedding and that of the query.
    pub cosine: f64,
}

/// Chunks near to an embedding.
pub struct Nearest {
    /// Nearest first.
    pub neighbours: Vec<Neighbour>,
    /// True if these are all chunks with an embedding.
    pub is_all: bool,
    /// Average cosine of the user's chunks.
    pub usual_cosine: f64,
}

const ALL: &str = include_str!("../../sql/search/all_by_embedding.sql");
const USUAL: &str = include_str!("../../sql/search/usual_distance.sql");
const NEAREST: &str = include_str!("../../sql/search/nearest_by_embedding.sql");

/// Reads the chunks of a user, nearest (cosine) first; of some documents, or of all.
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
) -> Result<Nearest> {
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
                language: row.need(3)?,
                cosine: 1.0 - row.need::<f64>(4)?,
            });
            Ok(())
        })?;
        Ok(neighbours)
    };
    if !all && chunk_count > COMPARE_ALL_UP_TO {
        let neighbours = db.read_nearest(|| read(NEAREST, &args))?;
        if neighbours.len() == MAX_NEIGHBOURS {
            let sample = db.value::<f64>(embedding_type.sql(USUAL), &args[..2])?;
            let neighbours = sorted(neighbours);
            return Ok(Nearest { neighbours, is_all: false, usual_cosine: 1.0 - sample });
        }
    }
    let neighbours = db.planned_for_values(|| read(ALL, &args[..3]))?;
    let sum: f64 = neighbours.iter().map(|neighbour| neighbour.cosine).sum();
    let usual_cosine = sum / neighbours.len().max(1) as f64;
    Ok(Nearest { neighbours: sorted(neighbours), is_all: true, usual_cosine })
}

/// Sorts by cosine; ties by document and id.
fn sorted(mut neighbours: Vec<Neighbour>) -> Vec<Neighbour> {
    neighbours.sort_unstable_by(|a, b| {
        let position = |neighbour: &Neighbour| (neighbour.document, neighbour.id);
        b.cosine.total_cmp(&a.cosine).then_with(|| position(a).cmp(&position(b)))
    });
    neighbours
}
