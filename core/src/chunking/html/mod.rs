//! HTML: what is cut is the text of the page, under its headings.
//!
//! [`Markup`] tells text from tags, [`Rendering`] makes the text of it that a reader sees, and a
//! [`Cutter`] cuts that. The text is read only as far ahead as a chunk can reach, and what is done of
//! it is dropped, so that memory is constant. Chunks are the same as if all of it were there.

mod elements;
mod lines;
mod markup;
mod references;
mod rendering;
mod sources;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use super::chunks::{Cutter, Offsets};
use super::meter::Meter;
use super::outline::Source;
use super::space::trim_end;
use super::structure::Structure;
use super::{Chunk, Options, Unit};
pub(super) use lines::Lines;
use markup::Markup;
use rendering::Rendering;

/// How much text is kept before what is being cut: more than `fine` looks back for context.
const CONTEXT: usize = 1024;
/// How much text has to be there after what is being cut: more than `fine` looks ahead, than a title
/// is made of, and than tokens need to be told.
const AHEAD: usize = 4 * 1024;
const AHEAD_OF_TOKENS: usize = 64 * 1024;
/// No less is read at a time.
const STEP: usize = 256 * 1024;
/// No token of any encoding is longer.
const LONGEST_TOKEN: usize = 128;

/// The chunks of a page.
pub(super) struct Page<'t> {
    markup: Markup<'t>,
    /// Whether all was read.
    read: bool,
    rendering: Rendering,
    structure: Structure<'static>,
    cutter: Cutter,
    /// How much text a chunk has to have before it for its end to be certain.
    ahead: usize,
    /// How much more than that is read at a time.
    step: usize,
    /// Of positions in the source.
    offsets: Offsets,
}

impl<'t> Page<'t> {
    pub(super) fn new(source: &'t str, options: &Options) -> Self {
        let reach = reach(options);
        // White space before the chunk, the chunk, white space after it; and then what might be kept
        // whole that begins there. Of white space that is longer than a chunk little more is kept.
        let space = reach.saturating_add(2 * markup::TEXT);
        let more = match options.unit {
            Unit::Tokens(_) => AHEAD_OF_TOKENS,
            _ => AHEAD,
        };
        let ahead = [space, reach, space, reach].into_iter().fold(more, usize::saturating_add);
        Page {
            markup: Markup::new(source),
            read: false,
            rendering: Rendering::new(reach),
            structure: Structure::of(Source::Html(Lines::default())),
            cutter: Cutter::new(options),
            ahead,
            step: ahead.max(STEP),
            offsets: Offsets::default(),
        }
    }

    pub(super) fn next<T: FnMut()>(&mut self, meter: &mut Meter<T>) -> Option<Chunk<'t>> {
        self.read(meter);
        let text = &self.rendering.text;
        let piece = self.cutter.next(text, &mut self.structure, meter)?;
        let byte_start = self.rendering.sources.start(piece.start);
        let byte_end = self.rendering.sources.end(piece.end);
        let source = self.markup.source;
        Some(Chunk {
            content: Cow::Owned(text[piece.start..piece.end].to_owned()),
            start: self.offsets.of(source, byte_start, meter),
            end: self.offsets.of(source, byte_end, meter),
            byte_start,
            byte_end,
            size: piece.size,
            heading_path: piece.heading_path,
        })
    }

    /// Reads on, if there might not be text enough for the next chunk.
    fn read<T: FnMut()>(&mut self, meter: &mut Meter<T>) {
        let (needed, at) = self.cutter.needed();
        if self.read || self.rendering.text.len() - at >= self.ahead {
            return;
        }
        let done = self.rendering.text.floor_char_boundary(needed.saturating_sub(CONTEXT));
        self.rendering.moved(done);
        self.cutter.moved(done);
        self.structure.moved(done);
        let Some(lines) = self.structure.lines() else { return };
        let enough = (at - done).saturating_add(self.ahead).saturating_add(self.step);
        while self.rendering.text.len() < enough {
            let Some(token) = self.markup.next(meter) else {
                self.read = true;
                let text = &mut self.rendering.text;
                let (end, _) = trim_end(text, 0, text.len(), meter);
                text.truncate(end);
                return;
            };
            meter.work(16);
            self.rendering.take(token, &mut self.markup, lines);
        }
    }
}

/// No chunk is of more bytes.
fn reach(options: &Options) -> usize {
    let bytes = match options.unit {
        Unit::Characters => char::MAX.len_utf8(),
        // As many characters as a chunk may have for each of its words.
        Unit::Words => 8 * char::MAX.len_utf8(),
        Unit::Tokens(_) => LONGEST_TOKEN,
    };
    options.chunk_size.saturating_mul(bytes)
}
