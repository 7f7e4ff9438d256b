//! Cutting a text into chunks, by size and structure.
//!
//! [`chunks`] promises, for any input:
//!
//! 1. A chunk's content is the text between its offsets, byte for byte. A page (HTML) is cut as the
//!    text that a reader sees; the offsets are positions in the source.
//! 2. No chunk is larger than `chunk_size` in the unit of the options, overlap included. Measured
//!    in words, it also has no more than 8 × `chunk_size` characters.
//! 3. Every character that is not White_Space is in a chunk; with overlap 0, in exactly one. Chunks
//!    come in order; none is blank. Whitespace at a chunk's end, blank lines at its start and
//!    spaces after a cut inside a line are dropped; the first line's indentation is kept, unless
//!    nothing else would fit.
//! 4. When all of the remaining text fits, it is one chunk. Otherwise a chunk ends at the
//!    highest-ranked boundary in its second half (it is at least half full), the latest of that
//!    rank; if there is none, at the highest-ranked one anywhere. Ranks: before a heading, a blank
//!    line, a line, a sentence, a word, a grapheme cluster. A cluster is split only if it alone is
//!    larger than a chunk. In tokens, a text can be larger than a longer text; then a boundary that
//!    would fit may be passed over.
//! 5. Time is linear in the input (with overlap: in the result). Memory is constant; for a page, it
//!    grows with the size that a chunk may have.
//!
//! [`Measure`] finds the reach of a chunk, [`Structure`] the best boundary of the format within it;
//! `segments` and `graphemes` look for lesser boundaries if there is none. Nothing recurses, and
//! every loop over input reports to the [`Meter`](meter::Meter).
//!
//! Modules, lowest first: positions in text (`chars`, `space`, `graphemes`, `words`, `segments`),
//! sizes (`tokens`, `measure`), boundaries of each format (`boundary`, `headings`, `json`, `yaml`,
//! `markdown`, `html`, `plain`), the structure of a text (`formats`, `outline`, `structure`), the
//! `cutter`, and the iterators (`page`, `chunks`).
//!
//! A new format is a module like `json`, a variant in `formats`, and its names in `options` and
//! `files`.

mod boundary;
mod chars;
mod chunk;
mod chunks;
mod cutter;
mod files;
mod formats;
mod graphemes;
mod headings;
mod html;
mod json;
mod markdown;
mod measure;
pub(crate) mod meter;
mod offsets;
mod options;
mod outline;
mod page;
mod plain;
mod segments;
mod space;
mod structure;
#[cfg(test)]
mod tests;
mod tokens;
mod words;
mod yaml;

pub use chunk::Chunk;
pub use chunks::{Chunks, chunks};
pub use options::{Encoding, Format, Options, OptionsError, Unit, UnknownName};
pub use tokens::count as count_tokens;

#[cfg(doc)]
use {measure::Measure, structure::Structure};
