//! Fetching of ranked chunks and documents, as the caller may see them, and their passages.

use super::candidates::Id;
use super::query::LanguageQuery;
use super::ranking::SearchHit;
use crate::pg::error::{Result, check_for_interrupts};
use crate::pg::spi::{self, Access, Db, Row};
use carrel_core::ranking;
use pgrx::datum::Uuid;
use std::collections::HashSet;

/// Maximum characters of a snippet, without its tags.
const MAX_SNIPPET: usize = 240;

/// Chunk with the name of its document.
pub struct FetchedChunk {
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

/// Part of a document: one chunk, or several adjacent ones.
pub struct Passage {
    pub content: String,
    /// Offsets in the document's text, in characters; `end` is exclusive.
    pub start: Option<i32>,
    pub end: Option<i32>,
}

impl Passage {
    /// Passage of one chunk.
    pub fn of(chunk: &FetchedChunk) -> Self {
        Self { content: chunk.content.clone(), start: chunk.start, end: chunk.end }
    }
}

/// Document with its best chunk.
pub struct FetchedDocument {
    pub filename: String,
    /// Content of the best matching chunk.
    pub best_content: Option<String>,
    /// Number of matching chunks that the caller may see.
    pub matched_chunks: i32,
}

/// Counts the chunks that the caller may see, with their documents.
pub fn count_visible_chunks(db: &Db, hits: &[SearchHit]) -> Result<usize> {
    let sql = include_str!("../../sql/search/count_visible_chunks.sql");
    Ok(db.execute(sql, &[chunk_ids(hits).into()])? as usize)
}

/// Fetches the chunks of hits that the caller may see, with the index of each hit, in order.
pub fn fetch_chunks(db: &Db, hits: &[SearchHit]) -> Result<Vec<(usize, FetchedChunk)>> {
    db.rows(include_str!("../../sql/search/fetch_chunks.sql"), &[chunk_ids(hits).into()], |row| {
        let chunk = FetchedChunk {
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
        Ok((hit_index(row)?, chunk))
    })
}

fn chunk_ids(hits: &[SearchHit]) -> Vec<Uuid> {
    hits.iter().filter_map(|hit| hit.chunk).map(Uuid::from_bytes).collect()
}

/// Fetches the documents of hits that the caller may see, with the index of each hit, in order.
///
/// Chunks that a policy hides are left out, and documents that match only by such chunks. Scores
/// include them.
pub fn fetch_documents(db: &Db, hits: &[SearchHit]) -> Result<Vec<(usize, FetchedDocument)>> {
    let matched = hits.iter().flat_map(|hit| &hit.matched_chunks);
    let matched: Vec<Uuid> = matched.map(|chunk| Uuid::from_bytes(chunk.id)).collect();
    let visible = db.rows(
        "select id from carrel.document_chunks where id = any ($1)",
        &[matched.into()],
        |row| Ok(*row.need::<Uuid>(1)?.as_bytes()),
    )?;
    let visible: HashSet<Id> = visible.into_iter().collect();
    let count_and_best = |hit: &SearchHit| -> (i32, Option<Uuid>) {
        let chunks = || hit.matched_chunks.iter().filter(|chunk| visible.contains(&chunk.id));
        let count = chunks().filter(|chunk| chunk.has_terms).count();
        let best =
            chunks().max_by(|a, b| a.score.total_cmp(&b.score).then_with(|| b.id.cmp(&a.id)));
        (count as i32, best.map(|chunk| Uuid::from_bytes(chunk.id)))
    };
    let (counts, best): (Vec<i32>, Vec<Option<Uuid>>) = hits.iter().map(count_and_best).unzip();
    let mut documents = db.rows(
        include_str!("../../sql/search/fetch_documents.sql"),
        &[document_ids(hits).into(), best.into()],
        |row| {
            let index = hit_index(row)?;
            let (filename, best_content) = (row.need(2)?, row.get(3));
            let matched_chunks = counts[index];
            Ok((index, FetchedDocument { filename, best_content, matched_chunks }))
        },
    )?;
    documents.retain(|(index, document)| document.best_content.is_some() || hits[*index].is_named);
    Ok(documents)
}

fn document_ids(hits: &[SearchHit]) -> Vec<Uuid> {
    hits.iter().map(|hit| Uuid::from_bytes(hit.document)).collect()
}

/// Index of a hit, from the first column of a row, which counts from 1.
fn hit_index(row: &Row) -> Result<usize> {
    Ok(row.need::<i64>(1)? as usize - 1)
}

/// Reads a chunk with up to `count` chunks before it and after it.
pub fn passage_around(chunk: &FetchedChunk, count: usize) -> Result<Passage> {
    let count = i32::try_from(count).unwrap_or(i32::MAX);
    let (first, last) = (chunk.index.saturating_sub(count), chunk.index.saturating_add(count));
    let passage =
        spi::as_caller(Access::Read, |db| adjacent_chunks(db, chunk.document, first, last))?;
    Ok(passage.unwrap_or_else(|| Passage::of(chunk)))
}

/// Reads the chunks of a document from one index to another, inclusive, as one passage.
///
/// The content is the document's text between the first and the last offset, if the chunks are parts of
/// the text and the caller may see all of them. Otherwise it is their contents, separated by blank
/// lines.
pub fn adjacent_chunks(db: &Db, document: Uuid, first: i32, last: i32) -> Result<Option<Passage>> {
    let rows: Vec<(i32, Passage)> = db.rows(
        include_str!("../../sql/search/adjacent_chunks.sql"),
        &[document.into(), first.into(), last.into()],
        |row| {
            let passage = Passage { content: row.need(1)?, start: row.get(2), end: row.get(3) };
            Ok((row.need(4)?, passage))
        },
    )?;
    let is_gapless = rows.windows(2).all(|rows| rows[0].0 + 1 == rows[1].0);
    let chunks: Vec<Passage> = rows.into_iter().map(|(_, passage)| passage).collect();
    let (Some(first), Some(last)) = (chunks.first(), chunks.last()) else { return Ok(None) };
    let (start, end) = (first.start, last.end);
    let text: Option<String> = match start.zip(end) {
        Some((start, end)) if is_gapless && start < end => {
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

/// True if chunks are parts of a text that begins at the offset of the first one.
fn are_parts(chunks: &[Passage], text: &str) -> bool {
    let Some(first) = chunks.first().and_then(|chunk| chunk.start) else { return false };
    // Start of the chunk before, in characters and in bytes: chunks are ordered.
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

/// Returns the part of a content with a required phrase of the query, or else with the most terms, with
/// `<mark>` tags; without a query, its beginning.
pub fn snippet(query: Option<&mut LanguageQuery>, content: &str) -> Result<String> {
    let Some(query) = query else {
        return Ok(ranking::snippet(content, &[], |_| 1.0, None, MAX_SNIPPET));
    };
    let highlights = query.parser.highlights(content, &query.query.terms)?;
    let phrase = ranking::phrase_shown(&highlights, &query.query, check_for_interrupts);
    Ok(ranking::snippet(content, &highlights, |_| 1.0, phrase, MAX_SNIPPET))
}
