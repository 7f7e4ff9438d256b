//! A chunk of a text.

use std::borrow::Cow;
use std::rc::Rc;

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
