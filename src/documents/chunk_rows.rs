//! The rows of a document's chunks: made those of a text, keeping what did not change.

use super::pipeline::offset;
use super::prepared_chunks::{Key, Piece, Pieces};
use super::vectors;
use crate::pg::error::Result;
use crate::pg::ids::uuid_v7;
use crate::pg::spi::Args;
use crate::pg::spi::{Arg, Db};
use crate::pg::values::TsVector;
use carrel_core::matching::matching;
use pgrx::datum::Uuid;
use std::cell::Cell;
use std::sync::LazyLock;

/// The ids of a document's user and of the document, and its language.
type Document = [Arg; 3];

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
    title_words: Option<i32>,
}

impl Place {
    fn of(index: usize, piece: &Piece) -> Result<Self> {
        Ok(Self {
            index: offset(index)?,
            start: Some(piece.start),
            end: Some(piece.end),
            size: Some(piece.size),
            title_words: Some(piece.title_words),
        })
    }
}

/// Makes a document's chunks these. Chunks that are the same as before keep their rows.
pub fn write(
    db: &Db,
    user_id: Uuid,
    document_id: Uuid,
    language: &str,
    pieces: &Pieces,
) -> Result<()> {
    let document = [user_id.into(), document_id.into(), language.into()];
    let stored = stored(db, document)?;
    let deriving = Deriving::begin();
    if stored.is_empty() {
        insert(db, document, pieces, |_| true)?;
    } else {
        let mut keys = Vec::new();
        pieces.each(|_, piece| {
            keys.push(piece.key());
            Ok(())
        })?;
        let before: Vec<Key> = stored.iter().map(|stored| stored.key).collect();
        let kept = matching(&before, &keys);
        delete_others(db, document, &stored, &kept)?;
        move_kept(db, document, &stored, &kept, pieces)?;
        insert(db, document, pieces, |index| kept[index].is_none())?;
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

fn stored(db: &Db, document: Document) -> Result<Vec<Stored>> {
    db.rows(include_str!("../../sql/documents/stored_chunks.sql"), &document[..2], |row| {
        let place = Place {
            index: row.need(4)?,
            start: row.get(5),
            end: row.get(6),
            size: row.get(7),
            title_words: row.get(8),
        };
        Ok(Stored { key: row.key(1, 2)?, id: row.need(3)?, place })
    })
}

fn delete_others(
    db: &Db,
    [user_id, document_id, _]: Document,
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
            &[user_id, document_id, gone.into()],
        )?;
    }
    Ok(())
}

/// Moves kept chunks to their new places, with new vectors where those were parsed again. Both orders
/// ascend, so that those that move down, from the first, and then those that move up, from the last,
/// never meet one that has not moved yet: the unique key is checked row by row.
fn move_kept(
    db: &Db,
    [_, _, language]: Document,
    stored: &[Stored],
    kept: &[Option<usize>],
    pieces: &Pieces,
) -> Result<()> {
    let mut index = 0;
    let mut up = Vec::new();
    pieces.each(|record, piece| {
        let to = Place::of(index, &piece)?;
        if let Some(stored) = kept[index].map(|place| &stored[place])
            && (stored.place != to || piece.is_new)
        {
            if to.index <= stored.place.index {
                move_to(db, stored.id, &to, language, &piece)?;
            } else {
                up.push((stored.id, index, record));
            }
        }
        index += 1;
        Ok(())
    })?;
    for (id, index, record) in up.into_iter().rev() {
        pieces.at(record, |piece| move_to(db, id, &Place::of(index, &piece)?, language, &piece))?;
    }
    Ok(())
}

fn move_to(db: &Db, id: Uuid, to: &Place, language: Arg, piece: &Piece) -> Result<()> {
    let vector = piece.is_new.then(|| TsVector::from_body(&piece.vector));
    db.execute(
        include_str!("../../sql/documents/move_chunk.sql"),
        &[
            id.into(),
            to.index.into(),
            to.start.into(),
            to.end.into(),
            to.size.into(),
            vector.into(),
            vectors::words(&piece.vector)?.into(),
            language,
            piece.title_words.into(),
        ],
    )?;
    Ok(())
}

/// How many rows a statement inserts at most: starting one costs as much as some rows.
const BATCH: usize = 16;

/// Statements for so many rows, most first. Any number is some of them, one after the other.
static INSERTS: LazyLock<[(usize, String); 5]> =
    LazyLock::new(|| [BATCH, 8, 4, 2, 1].map(|rows| (rows, insert_of(rows))));

/// The columns of a row that differ from chunk to chunk.
const COLUMNS: [&str; 12] = [
    "id",
    "chunk_index",
    "content",
    "section_title",
    "heading_path",
    "start_offset",
    "end_offset",
    "size",
    "content_hash",
    "search_vector",
    "words",
    "title_words",
];

/// INSERT of so many rows: $1, $2 and $3 are the user, the document and its language, then come the
/// columns of each.
fn insert_of(rows: usize) -> String {
    let row = |row: usize| {
        let first = 4 + row * COLUMNS.len();
        let numbers: Vec<String> =
            (first..first + COLUMNS.len()).map(|n| format!("${n}")).collect();
        format!("($1, $2, $3, {})", numbers.join(", "))
    };
    let rows: Vec<String> = (0..rows).map(row).collect();
    format!(
        "insert into carrel.document_chunks (user_id, document_id, language, {}) values {}",
        COLUMNS.join(", "),
        rows.join(", ")
    )
}

/// Inserts the pieces at these indexes.
fn insert(
    db: &Db,
    document: Document,
    pieces: &Pieces,
    is_new: impl Fn(usize) -> bool,
) -> Result<()> {
    let mut rows = Rows::new(document);
    let mut index = 0;
    pieces.each(|_, piece| {
        if is_new(index) {
            rows.push(offset(index)?, &piece)?;
            if rows.args.rows().len() == BATCH {
                rows.insert(db)?;
            }
        }
        index += 1;
        Ok(())
    })?;
    rows.insert(db)
}

/// Rows to be inserted, as the arguments of a statement.
struct Rows {
    document: Document,
    args: Args<{ COLUMNS.len() }>,
}

impl Rows {
    fn new(document: Document) -> Self {
        Self { document, args: Args::new("carrel chunks") }
    }

    fn push(&mut self, index: i32, piece: &Piece) -> Result<()> {
        let words = vectors::words(&piece.vector)?;
        let titles: Vec<&str> = piece.heading_path.iter().map(|title| &**title).collect();
        self.args.push(|| {
            [
                uuid_v7().into(),
                index.into(),
                (&*piece.content).into(),
                titles.last().copied().into(),
                titles.into(),
                piece.start.into(),
                piece.end.into(),
                piece.size.into(),
                piece.content_hash.as_slice().into(),
                TsVector::from_body(&piece.vector).into(),
                words.into(),
                piece.title_words.into(),
            ]
        });
        Ok(())
    }

    /// Inserts what there is.
    fn insert(&mut self, db: &Db) -> Result<()> {
        let mut rest = self.args.rows();
        for (count, sql) in INSERTS.iter() {
            while let Some((rows, others)) = rest.split_at_checked(*count) {
                let args: Vec<Arg> =
                    self.document.iter().chain(rows.iter().flatten()).copied().collect();
                db.execute(sql, &args)?;
                rest = others;
            }
        }
        self.args.clear();
        Ok(())
    }
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
