//! Chunks of a page (HTML): the text that a reader sees is cut, under its headings.
//!
//! [`PageReader`] makes the text and [`Cutter`] cuts it. The text is read only as far ahead as a
//! chunk can reach, and dropped once it is cut, so memory is constant. Chunks do not depend on how
//! much is read at a time.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use super::chunk::Chunk;
use super::cutter::Cutter;
use super::html::{MAX_TEXT, PageReader};
use super::measure::CHARACTERS_PER_WORD;
use super::meter::Meter;
use super::offsets::Offsets;
use super::options::{Options, Unit};
use super::structure::Structure;
use super::tokens::LONGEST_TOKEN;

/// Bytes of text kept before the position to cut at: more than `segments` looks back for context.
const CONTEXT: usize = 1024;
/// Bytes of text read beyond the longest chunk: more than `segments` looks ahead, and more than a
/// title is made of.
const AHEAD: usize = 4 * 1024;
/// Bytes of text read beyond the longest chunk measured in tokens: more than decides about a token.
const AHEAD_OF_TOKENS: usize = 64 * 1024;
/// Bytes of text read at a time, at least.
const MIN_READ: usize = 256 * 1024;

/// Cuts a page while reading it.
pub(super) struct Page<'t> {
    reader: PageReader<'t>,
    structure: Structure<'static>,
    cutter: Cutter,
    /// Bytes of text that must follow a chunk's start for its end to be certain.
    ahead: usize,
    /// Bytes of text read at a time, beyond `ahead`.
    min_read: usize,
    /// Offsets in the source.
    offsets: Offsets,
}

impl<'t> Page<'t> {
    pub(super) fn new(source: &'t str, options: &Options) -> Self {
        let longest = longest_chunk(options);
        // A run of white space before the chunk, the chunk, white space after it, and a block that
        // begins there and might be kept whole. The reader keeps little more white space in a row
        // than a chunk is long.
        let space = longest.saturating_add(2 * MAX_TEXT);
        let more = match options.unit {
            Unit::Tokens(_) => AHEAD_OF_TOKENS,
            _ => AHEAD,
        };
        let ahead = [space, longest, space, longest].into_iter().fold(more, usize::saturating_add);
        Page {
            reader: PageReader::new(source, longest),
            structure: Structure::of_page(),
            cutter: Cutter::new(options),
            ahead,
            min_read: ahead.max(MIN_READ),
            offsets: Offsets::default(),
        }
    }

    pub(super) fn next<T: FnMut()>(&mut self, meter: &mut Meter<T>) -> Option<Chunk<'t>> {
        self.read_ahead(meter);
        let text = self.reader.text();
        let span = self.cutter.next(text, &mut self.structure, meter)?;
        let (byte_start, byte_end) = self.reader.source_range(span.start, span.end);
        let source = self.reader.source();
        Some(Chunk {
            content: Cow::Owned(text[span.start..span.end].to_owned()),
            start: self.offsets.of(source, byte_start, meter),
            end: self.offsets.of(source, byte_end, meter),
            byte_start,
            byte_end,
            size: span.size,
            heading_path: span.heading_path,
        })
    }

    /// Reads on unless enough text for the next chunk is there.
    fn read_ahead<T: FnMut()>(&mut self, meter: &mut Meter<T>) {
        let (needed, at) = self.cutter.needed();
        if self.reader.is_at_end() || self.reader.text().len() - at >= self.ahead {
            return;
        }
        let done = self.reader.text().floor_char_boundary(needed.saturating_sub(CONTEXT));
        self.reader.drop_front(done);
        self.cutter.drop_front(done);
        self.structure.drop_front(done);
        let Some(boundaries) = self.structure.html() else { return };
        let enough = (at - done).saturating_add(self.ahead).saturating_add(self.min_read);
        self.reader.read_to(enough, boundaries, meter);
    }
}

/// Upper bound on the bytes of a chunk.
fn longest_chunk(options: &Options) -> usize {
    let bytes = match options.unit {
        Unit::Characters => char::MAX.len_utf8(),
        Unit::Words => CHARACTERS_PER_WORD * char::MAX.len_utf8(),
        Unit::Tokens(_) => LONGEST_TOKEN,
    };
    options.chunk_size.saturating_mul(bytes)
}
