//! Rows of document_chunks: replaces the chunks of a document, and keeps the rows of unchanged ones.

use super::pipeline::offset;
use super::prepared_chunks::{ChunkKey, PreparedChunk, PreparedChunks};
use super::vectors;
use crate::pg::error::Result;
use crate::pg::ids::uuid_v7;
use crate::pg::spi::Args;
use crate::pg::spi::{Arg, Db};
use crate::pg::values::TsVector;
use carrel_core::matching::matching;
use carrel_core::text::VERSION;
use pgrx::datum::Uuid;
use std::cell::Cell;
use std::sync::LazyLock;

/// Arguments that all chunks of a document have in common: user_id, document_id, language.
type DocumentArgs = [Arg; 3];

/// Chunk that the table has.
struct StoredChunk {
    key: ChunkKey,
    id: Uuid,
    position: ChunkPosition,
}

/// Position columns of a chunk.
#[derive(PartialEq)]
struct ChunkPosition {
    index: i32,
    start: Option<i32>,
    end: Option<i32>,
    size: Option<i32>,
    title_words: Option<i32>,
}

impl ChunkPosition {
    fn new(index: usize, chunk: &PreparedChunk) -> Result<Self> {
        Ok(Self {
            index: offset(index)?,
            start: Some(chunk.start),
            end: Some(chunk.end),
            size: Some(chunk.size),
            title_words: Some(chunk.title_words),
        })
    }
}

/// Replaces the chunks of a document. A chunk whose content and headings are unchanged keeps its row.
pub fn write(
    db: &Db,
    user_id: Uuid,
    document_id: Uuid,
    language: &str,
    prepared: &PreparedChunks,
) -> Result<()> {
    let document = [user_id.into(), document_id.into(), language.into()];
    let stored = stored_chunks(db, document)?;
    let writing = WritingChunks::begin();
    if stored.is_empty() {
        insert(db, document, prepared, |_| true)?;
    } else {
        let mut keys = Vec::new();
        prepared.for_each(|_, chunk| {
            keys.push(chunk.key());
            Ok(())
        })?;
        let stored_keys: Vec<ChunkKey> = stored.iter().map(|stored| stored.key).collect();
        let kept = matching(&stored_keys, &keys);
        delete_others(db, document, &stored, &kept)?;
        move_kept(db, document, &stored, &kept, prepared)?;
        insert(db, document, prepared, |index| kept[index].is_none())?;
    }
    drop(writing);
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

fn stored_chunks(db: &Db, document: DocumentArgs) -> Result<Vec<StoredChunk>> {
    db.rows(include_str!("../../sql/documents/stored_chunks.sql"), &document[..2], |row| {
        let position = ChunkPosition {
            index: row.need(4)?,
            start: row.get(5),
            end: row.get(6),
            size: row.get(7),
            title_words: row.get(8),
        };
        Ok(StoredChunk { key: row.chunk_key(1, 2)?, id: row.need(3)?, position })
    })
}

/// Deletes the stored chunks that no new chunk keeps. `kept` has the index of the stored chunk for
/// each new one.
fn delete_others(
    db: &Db,
    [user_id, document_id, _]: DocumentArgs,
    stored: &[StoredChunk],
    kept: &[Option<usize>],
) -> Result<()> {
    let mut is_kept = vec![false; stored.len()];
    for index in kept.iter().flatten() {
        is_kept[*index] = true;
    }
    let deleted: Vec<Uuid> = stored
        .iter()
        .zip(&is_kept)
        .filter(|(_, is_kept)| !**is_kept)
        .map(|(stored, _)| stored.id)
        .collect();
    if !deleted.is_empty() {
        db.execute(
            "delete from carrel.document_chunks
            where user_id = $1 and document_id = $2 and id = any ($3)",
            &[user_id, document_id, deleted.into()],
        )?;
    }
    Ok(())
}

/// Moves kept chunks to their new positions. Stores new vectors of chunks that were parsed again.
///
/// The unique key on chunk_index is checked row by row. Old and new order both ascend, so no chunk
/// meets one that has not moved yet: chunks that move down go first, in order, then chunks that move
/// up, in reverse order.
fn move_kept(
    db: &Db,
    [_, _, language]: DocumentArgs,
    stored: &[StoredChunk],
    kept: &[Option<usize>],
    prepared: &PreparedChunks,
) -> Result<()> {
    let mut index = 0;
    let mut up = Vec::new();
    prepared.for_each(|record, chunk| {
        let to = ChunkPosition::new(index, &chunk)?;
        if let Some(stored) = kept[index].map(|index| &stored[index])
            && (stored.position != to || chunk.is_parsed)
        {
            if to.index <= stored.position.index {
                move_to(db, stored.id, &to, language, &chunk)?;
            } else {
                up.push((stored.id, index, record));
            }
        }
        index += 1;
        Ok(())
    })?;
    for (id, index, record) in up.into_iter().rev() {
        prepared.read(record, |chunk| {
            move_to(db, id, &ChunkPosition::new(index, &chunk)?, language, &chunk)
        })?;
    }
    Ok(())
}

fn move_to(
    db: &Db,
    id: Uuid,
    to: &ChunkPosition,
    language: Arg,
    chunk: &PreparedChunk,
) -> Result<()> {
    let vector = chunk.is_parsed.then(|| TsVector::from_body(&chunk.vector));
    db.execute(
        include_str!("../../sql/documents/move_chunk.sql"),
        &[
            id.into(),
            to.index.into(),
            to.start.into(),
            to.end.into(),
            to.size.into(),
            vector.into(),
            vectors::count_words(&chunk.vector)?.into(),
            language,
            chunk.title_words.into(),
            (VERSION as i32).into(),
        ],
    )?;
    Ok(())
}

/// Maximum number of rows that one statement inserts. Starting a statement costs as much as some
/// rows.
const MAX_BATCH: usize = 16;

/// INSERT statements with their number of rows, largest first. Any number of rows is a sum of these.
static INSERTS: LazyLock<[(usize, String); 5]> =
    LazyLock::new(|| [MAX_BATCH, 8, 4, 2, 1].map(|rows| (rows, insert_statement(rows))));

/// Columns that differ between the chunks of a document.
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

/// Builds the INSERT of a number of rows: $1, $2 and $3 are [`DocumentArgs`], followed by the
/// [`COLUMNS`] of each row.
fn insert_statement(rows: usize) -> String {
    let row = |row: usize| {
        let first = 4 + row * COLUMNS.len();
        let numbers: Vec<String> =
            (first..first + COLUMNS.len()).map(|n| format!("${n}")).collect();
        format!("($1, $2, $3, {VERSION}, {})", numbers.join(", "))
    };
    let rows: Vec<String> = (0..rows).map(row).collect();
    format!(
        "insert into carrel.document_chunks (user_id, document_id, language, analyzer_version, {}) values {}",
        COLUMNS.join(", "),
        rows.join(", ")
    )
}

/// Inserts the prepared chunks whose index `is_new`.
fn insert(
    db: &Db,
    document: DocumentArgs,
    prepared: &PreparedChunks,
    is_new: impl Fn(usize) -> bool,
) -> Result<()> {
    let mut batch = InsertBatch::new(document);
    let mut index = 0;
    prepared.for_each(|_, chunk| {
        if is_new(index) {
            batch.push(offset(index)?, &chunk)?;
            if batch.args.rows().len() == MAX_BATCH {
                batch.insert(db)?;
            }
        }
        index += 1;
        Ok(())
    })?;
    batch.insert(db)
}

/// Rows to insert, as arguments of a statement.
struct InsertBatch {
    document: DocumentArgs,
    args: Args<{ COLUMNS.len() }>,
}

impl InsertBatch {
    fn new(document: DocumentArgs) -> Self {
        Self { document, args: Args::new("carrel chunks") }
    }

    fn push(&mut self, index: i32, chunk: &PreparedChunk) -> Result<()> {
        let words = vectors::count_words(&chunk.vector)?;
        let titles: Vec<&str> = chunk.heading_path.iter().map(|title| &**title).collect();
        self.args.push(|| {
            [
                uuid_v7().into(),
                index.into(),
                (&*chunk.content).into(),
                titles.last().copied().into(),
                titles.into(),
                chunk.start.into(),
                chunk.end.into(),
                chunk.size.into(),
                chunk.content_hash.as_slice().into(),
                TsVector::from_body(&chunk.vector).into(),
                words.into(),
                chunk.title_words.into(),
            ]
        });
        Ok(())
    }

    /// Inserts the rows, and empties the batch.
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
    static IS_WRITING: Cell<bool> = const { Cell::new(false) };
}

/// Guard: while it lives, the trigger of document_chunks takes complete rows as they are.
struct WritingChunks {
    before: bool,
}

impl WritingChunks {
    fn begin() -> Self {
        Self { before: IS_WRITING.replace(true) }
    }
}

impl Drop for WritingChunks {
    fn drop(&mut self) {
        IS_WRITING.set(self.before);
    }
}

/// True while this module writes chunks.
pub fn is_writing() -> bool {
    IS_WRITING.get()
}
