//! What answers a query, put together for a prompt.

use super::filter::Filter;
use super::passages::{self, Chunk, Passage};
use super::{Page, best_chunks, from_zero};
use crate::documents::encoding_named;
use crate::identity;
use crate::pg::error::{Result, check_for_interrupts, guard};
use crate::pg::single_row;
use crate::pg::spi::{self, Access};
use carrel_core::chunking::{Encoding, count_tokens};
use pgrx::JsonB;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use serde_json::json;

/// How many chunks are looked at, the best ones.
const MOST: i32 = 200;

/// How many chunks that don't fit are passed over, in the hope for smaller ones.
const PATIENCE: usize = 10;

/// The chunks of the caller's documents that answer a query best, as many as max_tokens has room for:
/// the text for a prompt, and what each of its numbered passages cites. Passages are in reading order
/// within each document, documents by their best; chunks that follow each other are one. tokens is the
/// exact number of tokens of context. Nothing found is an empty context. query_embedding as for
/// search_chunks(). No identity: 28000; bad arguments: 22023.
#[pg_extern(stable, parallel_restricted)]
fn build_context(
    query: Option<&str>,
    max_tokens: default!(Option<i32>, 6000),
    document_ids: default!(Option<Vec<Option<Uuid>>>, "null"),
    encoding: default!(Option<&str>, "'cl100k'"),
    query_embedding: default!(Option<&str>, "null"),
) -> single_row::TableIterator<
    'static,
    (name!(context, String), name!(citations, JsonB), name!(tokens, i32)),
> {
    let row = guard(move || {
        let user = identity::require()?;
        let budget = from_zero("max_tokens", max_tokens)?;
        let encoding = encoding_named(encoding)?;
        let filter = Filter { document_ids, ..Filter::default() };
        let page = Page::new(Some(MOST), Some(0))?;
        let (_, found) = best_chunks(user, query, query_embedding, &filter, &page)?;
        let mut candidates = found.into_iter().map(|(hit, chunk)| (hit.score, chunk));
        let mut context = Context::default();
        let mut chosen: Vec<Scored> = Vec::new();
        loop {
            let count = chosen.len();
            choose(&mut candidates, &mut chosen, budget - context.tokens, encoding);
            if chosen.len() == count {
                break;
            }
            // Chunks that became one passage are fewer tokens than they were, and leave room for others;
            // should they be more, the last of the best go.
            loop {
                let next = Context::of(&chosen, encoding)?;
                if next.tokens <= budget {
                    context = next;
                    break;
                }
                chosen.pop();
            }
        }
        Ok((context.text, JsonB(context.citations.into()), context.tokens as i32))
    });
    single_row::TableIterator::once(row)
}

/// A chunk with its score.
type Scored = (f32, Chunk);

/// Takes the best of the candidates that fit into so many tokens.
fn choose(
    candidates: &mut impl Iterator<Item = Scored>,
    chosen: &mut Vec<Scored>,
    mut room: usize,
    encoding: Encoding,
) {
    let mut misses = 0;
    while misses < PATIENCE
        && let Some((score, chunk)) = candidates.next()
    {
        let size = tokens(&headed(chosen.len() + 1, &chunk, &chunk.content), encoding);
        if size <= room {
            room -= size;
            chosen.push((score, chunk));
        } else {
            misses += 1;
        }
    }
}

#[derive(Default)]
struct Context {
    text: String,
    citations: Vec<serde_json::Value>,
    tokens: usize,
}

impl Context {
    /// Of chunks that are given best first.
    fn of(chosen: &[Scored], encoding: Encoding) -> Result<Self> {
        let mut documents: Vec<(Uuid, Vec<&Scored>)> = Vec::new();
        for scored in chosen {
            match documents.iter_mut().find(|(id, _)| *id == scored.1.document) {
                Some((_, chunks)) => chunks.push(scored),
                None => documents.push((scored.1.document, vec![scored])),
            }
        }
        let mut context = Self::default();
        for (document, mut chunks) in documents {
            chunks.sort_by_key(|(_, chunk)| chunk.index);
            for run in chunks.chunk_by(|a, b| a.1.index + 1 == b.1.index) {
                context.cite(document, run)?;
            }
        }
        context.tokens = tokens(&context.text, encoding);
        Ok(context)
    }

    fn cite(&mut self, document: Uuid, run: &[&Scored]) -> Result<()> {
        let (first, last) = (&run[0].1, &run[run.len() - 1].1);
        let passage = match run {
            [_] => None,
            _ => spi::as_caller(Access::Read, |db| {
                passages::run(db, document, first.index, last.index)
            })?,
        };
        let passage = passage.unwrap_or_else(|| Passage::of(first));
        let number = self.citations.len() + 1;
        if number > 1 {
            self.text.push_str("\n\n");
        }
        self.text.push_str(&headed(number, first, &passage.content));
        self.citations.push(json!({
            "number": number,
            "document_id": document.to_string(),
            "filename": first.filename,
            "heading_path": first.heading_path,
            "start_offset": passage.start,
            "end_offset": passage.end,
            "chunk_ids": run.iter().map(|(_, chunk)| chunk.id.to_string()).collect::<Vec<_>>(),
            "score": run.iter().map(|(score, _)| *score).fold(0.0, f32::max),
        }));
        Ok(())
    }
}

/// A passage under a line that says where it is from.
fn headed(number: usize, chunk: &Chunk, content: &str) -> String {
    let mut text = format!("[{number}] {}", chunk.filename);
    for title in &chunk.heading_path {
        text.push_str(" > ");
        text.push_str(title);
    }
    text.push('\n');
    text.push_str(content);
    text
}

fn tokens(text: &str, encoding: Encoding) -> usize {
    count_tokens(text, encoding, check_for_interrupts)
}
