//! build_context(): the best passages for a query, as text for a prompt.

use super::filter::Filter;
use super::found::{Search, Wanted};
use super::not_negative;
use super::page::Page;
use super::passages::{self, FetchedChunk, Passage};
use super::search_chunks::best_chunks;
use crate::documents::encoding_named;
use crate::pg::error::{Result, check_for_interrupts, guard};
use crate::pg::single_row;
use crate::pg::spi::{self, Access};
use crate::pg::values::Jsonb;
use carrel_core::chunking::{Encoding, count_tokens};
use pgrx::JsonB;
use pgrx::datum::{Interval, Uuid};
use pgrx::prelude::*;
use serde_json::json;

/// Number of best chunks that are considered.
const MAX_CANDIDATES: i32 = 200;

/// Number of chunks that do not fit after which the search for smaller ones ends.
const MAX_MISSES: usize = 10;

/// Builds a context for a prompt: the best chunks of the caller's documents for a query, up to
/// `max_tokens`.
///
/// `context` is the text, as numbered passages; `citations` has the source of each; `tokens` is the
/// exact number of tokens of `context`. Adjacent chunks form one passage. Passages are in reading order
/// within each document, documents in the order of their best chunk. Without results, `context` is
/// empty. The other arguments are as in search_chunks(). Callable by users, and by services that act as
/// a user. Errors: 28000 (no identity), 22023 (invalid argument), 55000 (embeddings are not enabled).
#[pg_extern(stable, parallel_restricted)]
fn build_context(
    query: Option<&str>,
    max_tokens: default!(Option<i32>, 6000),
    document_ids: default!(Option<Vec<Option<Uuid>>>, "null"),
    encoding: default!(Option<&str>, "'cl100k'"),
    query_embedding: default!(Option<&str>, "null"),
    file_types: default!(Option<Vec<Option<String>>>, "null"),
    metadata: default!(Option<Jsonb>, "null"),
    created_after: default!(Option<TimestampWithTimeZone>, "null"),
    created_before: default!(Option<TimestampWithTimeZone>, "null"),
    exclude_metadata: default!(Option<Jsonb>, "null"),
    operators: default!(Option<bool>, "true"),
    recency: default!(Option<Interval>, "null"),
) -> single_row::TableIterator<
    'static,
    (name!(context, String), name!(citations, JsonB), name!(tokens, i32)),
> {
    let row = guard(move || {
        let budget = not_negative("max_tokens", max_tokens)?;
        let encoding = encoding_named(encoding)?;
        let filter = Filter {
            document_ids,
            file_types,
            metadata,
            exclude_metadata,
            created_after,
            created_before,
        };
        let search = Search::of_caller(query, operators, query_embedding, recency, &filter)?;
        let page = Page::new(Some(MAX_CANDIDATES), Some(0))?;
        let found = search.chunks(Wanted::Nearest)?;
        let (_, best) = best_chunks(&search, found, &page)?;
        let mut candidates = best.into_iter().map(|(hit, chunk)| (hit.score, chunk));
        let mut context = PromptContext::default();
        let mut chosen: Vec<ScoredChunk> = Vec::new();
        loop {
            let count = chosen.len();
            choose(&mut candidates, &mut chosen, budget - context.tokens, encoding);
            if chosen.len() == count {
                break;
            }
            // Merging adjacent chunks saves tokens, which the next round can use. If it takes more
            // tokens instead, the worst chunks are dropped.
            loop {
                let next = PromptContext::of(&chosen, encoding)?;
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

/// Chunk with its score.
type ScoredChunk = (f32, FetchedChunk);

/// Moves the best candidates that fit into a budget of tokens to `chosen`.
fn choose(
    candidates: &mut impl Iterator<Item = ScoredChunk>,
    chosen: &mut Vec<ScoredChunk>,
    mut budget: usize,
    encoding: Encoding,
) {
    let mut misses = 0;
    while misses < MAX_MISSES
        && let Some((score, chunk)) = candidates.next()
    {
        let size = tokens(&with_source(chosen.len() + 1, &chunk, &chunk.content), encoding);
        if size <= budget {
            budget -= size;
            chosen.push((score, chunk));
        } else {
            misses += 1;
        }
    }
}

/// Row of build_context().
#[derive(Default)]
struct PromptContext {
    text: String,
    citations: Vec<serde_json::Value>,
    tokens: usize,
}

impl PromptContext {
    /// Builds the context of chunks, best first.
    fn of(chosen: &[ScoredChunk], encoding: Encoding) -> Result<Self> {
        let mut documents: Vec<(Uuid, Vec<&ScoredChunk>)> = Vec::new();
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

    /// Adds a passage of adjacent chunks, and its citation.
    fn cite(&mut self, document: Uuid, run: &[&ScoredChunk]) -> Result<()> {
        let (first, last) = (&run[0].1, &run[run.len() - 1].1);
        let passage = match run {
            [_] => None,
            _ => spi::as_caller(Access::Read, |db| {
                passages::adjacent_chunks(db, document, first.index, last.index)
            })?,
        };
        let passage = passage.unwrap_or_else(|| Passage::of(first));
        let number = self.citations.len() + 1;
        if number > 1 {
            self.text.push_str("\n\n");
        }
        self.text.push_str(&with_source(number, first, &passage.content));
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

/// Passage below a line with its number and source.
fn with_source(number: usize, chunk: &FetchedChunk, content: &str) -> String {
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
