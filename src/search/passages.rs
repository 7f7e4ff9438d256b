//! What was found, as the caller may see it.

use super::candidates::Id;
use super::query::LanguageQuery;
use super::ranking::Hit;
use crate::pg::error::Result;
use crate::pg::spi::{self, Access, Db, Row};
use carrel_core::ranking;
use pgrx::datum::Uuid;
use std::collections::HashSet;

/// The characters of a snippet, at most, without its marks.
const SNIPPET: usize = 240;

/// A chunk that was found.
pub struct Chunk {
    pub id: Uuid,
    pub document: Uuid,
    pub filename: String,
    pub index: i32,
    pub section_title: Option<String>,
    pub heading_path: Vec<String>,
    pub content: String,
    pub start: Option<i32>,
    pub end: Option<i32>,
}

/// A part of a document: one chunk, or some that follow each other.
pub struct Passage {
    pub content: String,
    /// Where it is in the document's text, in characters; the end exclusive.
    pub start: Option<i32>,
    pub end: Option<i32>,
}

impl Passage {
    /// One chunk.
    pub fn of(chunk: &Chunk) -> Self {
        Self { content: chunk.content.clone(), start: chunk.start, end: chunk.end }
    }
}

/// A document that was found.
pub struct Document {
    pub filename: String,
    /// The content of the chunk that answers best.
    pub best: Option<String>,
    /// How many chunks have any of the words.
    pub matched_chunks: i32,
}

/// How many of the chunks, and of their documents, the caller may see.
pub fn visible_chunks(db: &Db, hits: &[Hit]) -> Result<usize> {
    let sql = include_str!("../../sql/search/count_visible_chunks.sql");
    Ok(db.execute(sql, &[chunk_ids(hits).into()])? as usize)
}

/// The chunks of hits, with the hits' places, in order; without those that the caller may not see.
pub fn chunks(db: &Db, hits: &[Hit]) -> Result<Vec<(usize, Chunk)>> {
    db.rows(include_str!("../../sql/search/fetch_chunks.sql"), &[chunk_ids(hits).into()], |row| {
        let chunk = Chunk {
            id: row.need(2)?,
            document: row.need(3)?,
            filename: row.need(4)?,
            index: row.need(5)?,
            section_title: row.get(6),
            heading_path: row.need(7)?,
            content: row.need(8)?,
            start: row.get(9),
            end: row.get(10),
        };
        Ok((place(row)?, chunk))
    })
}

fn chunk_ids(hits: &[Hit]) -> Vec<Uuid> {
    hits.iter().filter_map(|hit| hit.chunk).map(Uuid::from_bytes).collect()
}

/// The documents of hits, with the hits' places, in order; without those that the caller may not see.
/// Chunks that a policy hides are as if they were not there, but for the score.
pub fn documents(db: &Db, hits: &[Hit]) -> Result<Vec<(usize, Document)>> {
    let matched = hits.iter().flat_map(|hit| &hit.matched_chunks);
    let matched: Vec<Uuid> = matched.map(|chunk| Uuid::from_bytes(chunk.id)).collect();
    let visible = db.rows(
        "select id from carrel.document_chunks where id = any ($1)",
        &[matched.into()],
        |row| Ok(*row.need::<Uuid>(1)?.as_bytes()),
    )?;
    let visible: HashSet<Id> = visible.into_iter().collect();
    let shown = |hit: &Hit| -> (i32, Option<Uuid>) {
        let chunks = || hit.matched_chunks.iter().filter(|chunk| visible.contains(&chunk.id));
        let best =
            chunks().max_by(|a, b| a.score.total_cmp(&b.score).then_with(|| b.index.cmp(&a.index)));
        (chunks().count() as i32, best.map(|chunk| Uuid::from_bytes(chunk.id)))
    };
    let (counts, best): (Vec<i32>, Vec<Option<Uuid>>) = hits.iter().map(shown).unzip();
    let mut documents = db.rows(
        include_str!("../../sql/search/fetch_documents.sql"),
        &[document_ids(hits).into(), best.into()],
        |row| {
            let place = place(row)?;
            let matched_chunks = counts[place];
            Ok((place, Document { filename: row.need(2)?, best: row.get(3), matched_chunks }))
        },
    )?;
    documents.retain(|(place, document)| document.matched_chunks > 0 || hits[*place].is_named);
    Ok(documents)
}

fn document_ids(hits: &[Hit]) -> Vec<Uuid> {
    hits.iter().map(|hit| Uuid::from_bytes(hit.document)).collect()
}

/// The place of a hit, from a row's first column, which counts from 1.
fn place(row: &Row) -> Result<usize> {
    Ok(row.need::<i64>(1)? as usize - 1)
}

/// A chunk with so many before and after it.
pub fn around(chunk: &Chunk, count: usize) -> Result<Passage> {
    let count = i32::try_from(count).unwrap_or(i32::MAX);
    let (first, last) = (chunk.index.saturating_sub(count), chunk.index.saturating_add(count));
    let passage = spi::as_caller(Access::Read, |db| run(db, chunk.document, first, last))?;
    Ok(passage.unwrap_or_else(|| Passage::of(chunk)))
}

/// The chunks of a document from one index to another, as one: the text as it is between the first
/// one's start and the last one's end, where they are parts of it and a policy hides none between them;
/// else their contents, with blank lines between.
pub fn run(db: &Db, document: Uuid, first: i32, last: i32) -> Result<Option<Passage>> {
    let rows: Vec<(i32, Passage)> = db.rows(
        include_str!("../../sql/search/adjacent_chunks.sql"),
        &[document.into(), first.into(), last.into()],
        |row| {
            let passage = Passage { content: row.need(1)?, start: row.get(2), end: row.get(3) };
            Ok((row.need(4)?, passage))
        },
    )?;
    let is_whole = rows.windows(2).all(|rows| rows[0].0 + 1 == rows[1].0);
    let chunks: Vec<Passage> = rows.into_iter().map(|(_, passage)| passage).collect();
    let (Some(one), Some(other)) = (chunks.first(), chunks.last()) else { return Ok(None) };
    let (start, end) = (one.start, other.end);
    let text: Option<String> = match start.zip(end) {
        Some((start, end)) if is_whole && start < end => {
            let sql =
                "select substr(content_text, $2 + 1, $3 - $2) from carrel.documents where id = $1";
            db.first(sql, &[document.into(), start.into(), end.into()], |row| Ok(row.get(1)))?
                .flatten()
        }
        _ => None,
    };
    let content = text.filter(|text| are_parts(&chunks, text)).unwrap_or_else(|| {
        let contents: Vec<&str> = chunks.iter().map(|chunk| chunk.content.as_str()).collect();
        contents.join("\n\n")
    });
    Ok(Some(Passage { content, start, end }))
}

/// Whether chunks are parts of a text that begins where the first one does.
fn are_parts(chunks: &[Passage], text: &str) -> bool {
    let Some(first) = chunks.first().and_then(|chunk| chunk.start) else { return false };
    // Where the chunk before began, in characters and bytes: they come in order.
    let (mut characters, mut bytes) = (first, 0);
    chunks.iter().all(|chunk| {
        let Some(start) = chunk.start else { return false };
        let Ok(ahead) = usize::try_from(start - characters) else { return false };
        let rest = &text[bytes..];
        let Some(at) = rest.char_indices().map(|(at, _)| at).chain([rest.len()]).nth(ahead) else {
            return false;
        };
        (characters, bytes) = (start, bytes + at);
        text[bytes..].starts_with(&chunk.content)
    })
}

/// The passage of a content that has the most of a query, with its words marked; how it begins, where no
/// query is what it was found by.
pub fn snippet(query: Option<&mut LanguageQuery>, content: &str) -> Result<String> {
    let Some(query) = query else { return Ok(ranking::snippet(content, &[], |_| 1.0, SNIPPET)) };
    let marks = query.parser.highlights(content, &query.query.terms)?;
    Ok(ranking::snippet(content, &marks, |_| 1.0, SNIPPET))
}
