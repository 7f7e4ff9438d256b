//! Cutting a text into chunks, by size and structure.
//!
//! [`chunks`] promises, for any input:
//!
//! 1. A chunk's content is the text between its offsets, byte for byte. Of a page (HTML), what is cut
//!    is the text that a reader sees, and the offsets are those of the source that it comes from.
//! 2. No chunk is larger than `chunk_size` in the unit asked for, overlap included. Measured in
//!    words, it also has no more than 8 × `chunk_size` characters.
//! 3. Every character that is not White_Space is in a chunk, with overlap 0 in exactly one. Chunks
//!    come in order; none is blank. Whitespace at a chunk's end, blank lines at its start and spaces
//!    after a cut inside a line are dropped; the first line's indentation is kept, unless nothing
//!    else would fit.
//! 4. When all that remains fits, it is one chunk. Otherwise a chunk ends at the highest-ranked
//!    boundary in its second half (it is at least half full), the latest of that rank; if there is
//!    none, at the highest anywhere. Ranks: before a heading, a blank line, a line, a sentence, a
//!    word, a grapheme cluster. A cluster is split only if it alone is larger than a chunk.
//!    In tokens, a text can be more than a longer one; then a boundary that would fit may be passed
//!    over.
//! 5. Time is linear in the input (with overlap: in the result), memory is constant; of a page, it
//!    grows with the size that a chunk may have.
//!
//! How: [`Measure`] finds how far a chunk may reach, [`Structure`] the best boundary of the format
//! before that, `fine` and `graphemes` look for lesser ones where there is no such boundary.
//! Nothing recurses, and every loop over input reports to the [`Meter`](meter::Meter).

mod chunks;
mod files;
mod fine;
mod graphemes;
mod html;
mod json;
mod markdown;
mod measure;
mod meter;
mod options;
mod outline;
mod plain;
mod space;
mod structure;
mod tokens;
mod words;
mod yaml;

use std::borrow::Cow;
use std::rc::Rc;

pub use chunks::Chunks;
pub use options::{Encoding, Format, Options, OptionsError, Unit, UnknownName};
pub use tokens::count as count_tokens;

#[cfg(doc)]
use {measure::Measure, structure::Structure};

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk<'t> {
    /// What the chunk says: a part of the text or, of a page, the text of that part.
    pub content: Cow<'t, str>,
    /// Where the content starts in the text, in characters from 0.
    pub start: usize,
    /// Where it ends, in characters: that of the first character after it.
    pub end: usize,
    /// The same positions in bytes.
    pub byte_start: usize,
    pub byte_end: usize,
    /// In the unit asked for.
    pub size: usize,
    /// The headings that enclose the chunk's start, outermost first, a heading with which it begins
    /// included. A title is source text without markers, or a page's text on one line, at most 1,000
    /// bytes of it; an empty heading of Markdown has the title "", one of HTML is none. Empty in plain
    /// text.
    pub heading_path: Rc<[Rc<str>]>,
}

impl Chunk<'_> {
    /// The title of the innermost heading that encloses the chunk's start.
    pub fn section_title(&self) -> Option<&str> {
        self.heading_path.last().map(|title| &**title)
    }
}

/// Cuts `text` into chunks. `tick` is called at least once in 64 KiB of work, also while no chunk is
/// yielded, so that the caller can stop; it may unwind.
pub fn chunks<'t, T: FnMut()>(text: &'t str, options: &Options, tick: T) -> Chunks<'t, T> {
    Chunks::new(text, options, tick)
}
