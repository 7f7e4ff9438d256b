//! The rows of a document's chunks: made those of a text, keeping what did not change.

use super::pieces::{Key, Piece, Pieces};
use super::processing::{Processed, Source, offset};
use crate::datums::TsVector;
use crate::error::Result;
use crate::rows::uuid_v7;
use crate::spi::{Arg, Db};
use carrel_core::matching::matching;
use pgrx::datum::Uuid;
use pgrx::memcxt::PgMemoryContexts;
use std::cell::Cell;

/// A chunk that is there.
struct Stored {
    key: Key,
    id: Uuid,
    place: Place,
}

/// Where a chunk stands.
#[derive(PartialEq)]
struct Place {
    index: i32,
    start: Option<i32>,
    end: Option<i32>,
    size: Option<i32>,
}

impl Place {
    fn of(index: usize, piece: &Piece) -> Result<Self> {
        Ok(Self {
            index: offset(index)?,
            start: Some(piece.start),
            end: Some(piece.end),
            size: Some(piece.size),
        })
    }
}

/// Makes a document's chunks those of `processed`. Chunks that are the same as before keep their rows.
pub fn write(db: &Db, source: &Source, processed: &Processed) -> Result<()> {
    let stored = stored(db, source)?;
    let deriving = Deriving::begin();
    let pieces = &processed.pieces;
    if stored.is_empty() {
        insert(db, source, pieces, |_| true)?;
    } else {
        let mut keys = Vec::new();
        pieces.each(|_, piece| {
            keys.push(piece.key());
            Ok(())
        })?;
        let before: Vec<Key> = stored.iter().map(|stored| stored.key).collect();
        let kept = matching(&before, &keys);
        delete_others(db, source, &stored, &kept)?;
        move_kept(db, &stored, &kept, pieces)?;
        insert(db, source, pieces, |index| kept[index].is_none())?;
    }
    drop(deriving);
    Ok(())
}

/// Deletes all chunks of a document.
pub fn delete(db: &Db, user_id: Uuid, document_id: Uuid) -> Result<()> {
    db.execute(
        "delete from carrel.document_chunks where user_id = $1 and document_id = $2",
        &[user_id.into(), document_id.into()],
    )?;
    Ok(())
}

fn stored(db: &Db, source: &Source) -> Result<Vec<Stored>> {
    db.rows(
        "select
            case when section_title is not distinct from heading_path[cardinality(heading_path)]
                then content_hash end,
            heading_path, id, chunk_index, start_offset, end_offset, size
        from carrel.document_chunks
        where user_id = $1 and document_id = $2 order by chunk_index",
        &[source.user_id.into(), source.document_id.into()],
        |row| {
            let place =
                Place { index: row.need(4)?, start: row.get(5), end: row.get(6), size: row.get(7) };
            Ok(Stored { key: row.key(1, 2)?, id: row.need(3)?, place })
        },
    )
}

fn delete_others(
    db: &Db,
    source: &Source,
    stored: &[Stored],
    kept: &[Option<usize>],
) -> Result<()> {
    let mut stays = vec![false; stored.len()];
    for place in kept.iter().flatten() {
        stays[*place] = true;
    }
    let gone: Vec<Uuid> = stored
        .iter()
        .zip(&stays)
        .filter(|(_, stays)| !**stays)
        .map(|(stored, _)| stored.id)
        .collect();
    if !gone.is_empty() {
        db.execute(
            "delete from carrel.document_chunks
            where user_id = $1 and document_id = $2 and id = any ($3)",
            &[source.user_id.into(), source.document_id.into(), gone.into()],
        )?;
    }
    Ok(())
}

/// Moves kept chunks to their new places, with new vectors where those were parsed again. Both orders
/// ascend, so that those that move down, from the first, and then those that move up, from the last,
/// never meet one that has not moved yet: the unique key is checked row by row.
fn move_kept(db: &Db, stored: &[Stored], kept: &[Option<usize>], pieces: &Pieces) -> Result<()> {
    let mut index = 0;
    let mut up = Vec::new();
    pieces.each(|record, piece| {
        let to = Place::of(index, &piece)?;
        if let Some(stored) = kept[index].map(|place| &stored[place])
            && (stored.place != to || piece.is_new)
        {
            if to.index <= stored.place.index {
                move_to(db, stored.id, &to, &piece)?;
            } else {
                up.push((stored.id, index, record));
            }
        }
        index += 1;
        Ok(())
    })?;
    for (id, index, record) in up.into_iter().rev() {
        let piece = pieces.at(record)?;
        move_to(db, id, &Place::of(index, &piece)?, &piece)?;
    }
    Ok(())
}

fn move_to(db: &Db, id: Uuid, to: &Place, piece: &Piece) -> Result<()> {
    db.execute(
        "update carrel.document_chunks set
            chunk_index = $2, start_offset = $3, end_offset = $4, size = $5,
            search_vector = coalesce($6, search_vector)
        where id = $1",
        &[
            id.into(),
            to.index.into(),
            to.start.into(),
            to.end.into(),
            to.size.into(),
            piece.is_new.then(|| TsVector::from_body(&piece.vector)).into(),
        ],
    )?;
    Ok(())
}

/// Inserts the pieces at these indexes.
fn insert(db: &Db, source: &Source, pieces: &Pieces, is_new: impl Fn(usize) -> bool) -> Result<()> {
    let mut room = PgMemoryContexts::new("carrel chunk");
    let mut index = 0;
    pieces.each(|_, piece| {
        let place = index;
        index += 1;
        if !is_new(place) {
            return Ok(());
        }
        let place = offset(place)?;
        let titles: Vec<&str> = piece.heading_path.iter().map(|title| &**title).collect();
        // SAFETY: the arguments live in the room until the row is written; an error does not.
        unsafe {
            let args: [Arg; 12] = room.switch_to(|_| {
                [
                    uuid_v7().into(),
                    source.user_id.into(),
                    source.document_id.into(),
                    place.into(),
                    piece.content(source.text).into(),
                    titles.last().copied().into(),
                    titles.into(),
                    piece.start.into(),
                    piece.end.into(),
                    piece.size.into(),
                    piece.content_hash.as_slice().into(),
                    TsVector::from_body(&piece.vector).into(),
                ]
            });
            db.execute(
                "insert into carrel.document_chunks
                    (id, user_id, document_id, chunk_index, content, section_title, heading_path,
                     start_offset, end_offset, size, content_hash, search_vector)
                values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
                &args,
            )?;
            room.reset();
        }
        Ok(())
    })
}

thread_local! {
    static DERIVING: Cell<bool> = const { Cell::new(false) };
}

/// While it lives, chunks are written that are complete, vector and all.
struct Deriving {
    before: bool,
}

impl Deriving {
    fn begin() -> Self {
        Self { before: DERIVING.replace(true) }
    }
}

impl Drop for Deriving {
    fn drop(&mut self) {
        DERIVING.set(self.before);
    }
}

/// Whether the chunk that is being written is carrel's own.
pub fn is_deriving() -> bool {
    DERIVING.get()
}
