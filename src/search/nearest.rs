//! The chunks of a user whose embeddings are nearest to one that is asked for.
//!
//! Runs as the owner. Every statement here names the user in its own text.

use super::candidates::Id;
use crate::documents::embeddings::EmbeddingType;
use crate::pg::error::Result;
use crate::pg::spi::{Arg, Db};
use pgrx::datum::Uuid;
use std::collections::HashSet;

/// Up to so many chunks of a user's are all compared: that takes some ten milliseconds. The index is
/// everybody's: of what it finds near, few are a small user's.
const FEW_CHUNKS: u64 = 10_000;

/// How many are looked for where not all are compared.
pub const MANY: usize = 1_000;

/// A chunk that has an embedding.
pub struct Neighbour {
    pub id: Id,
    pub document: Id,
    pub index: i32,
    pub language: String,
    distance: f64,
}

const ALL: &str = include_str!("../../sql/search/all_by_embedding.sql");

const NEAREST: &str = include_str!("../../sql/search/nearest_by_embedding.sql");

/// A user's chunks, of these documents or of all, nearest (by cosine) first; and whether they are all
/// there are. Of users with many chunks they are the nearest [`MANY`] that the index finds, unless
/// `all` are asked for, or the index finds fewer.
pub fn chunks(
    db: &Db,
    user: Uuid,
    kind: &EmbeddingType,
    embedding: &str,
    documents: Option<&HashSet<Id>>,
    chunks: u64,
    all: bool,
) -> Result<(Vec<Neighbour>, bool)> {
    let documents: Option<Vec<Uuid>> =
        documents.map(|ids| ids.iter().map(|id| Uuid::from_bytes(*id)).collect());
    let args: [Arg; 4] = [user.into(), embedding.into(), documents.into(), (MANY as i64).into()];
    let read = |statement, args: &[Arg]| {
        let mut found = Vec::new();
        db.stream(kind.sql(statement), args, |row| {
            found.push(Neighbour {
                id: *row.need::<Uuid>(1)?.as_bytes(),
                document: *row.need::<Uuid>(2)?.as_bytes(),
                index: row.need(3)?,
                language: row.need(4)?,
                distance: row.need(5)?,
            });
            Ok(())
        })?;
        Ok(found)
    };
    if !all && chunks > FEW_CHUNKS {
        let found = db.read_nearest(|| read(NEAREST, &args))?;
        if found.len() == MANY {
            return Ok((in_order(found), false));
        }
    }
    let found = db.planned_for_values(|| read(ALL, &args[..3]))?;
    Ok((in_order(found), true))
}

fn in_order(mut found: Vec<Neighbour>) -> Vec<Neighbour> {
    found.sort_unstable_by(|a, b| {
        let place = |neighbour: &Neighbour| (neighbour.document, neighbour.index);
        a.distance.total_cmp(&b.distance).then_with(|| place(a).cmp(&place(b)))
    });
    found
}
