//! A chunk of a text.

use std::borrow::Cow;
use std::rc::Rc;

/// Chunk of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk<'t> {
    /// Content: a slice of the text. For HTML, the rendered text of that slice.
    pub content: Cow<'t, str>,
    /// Start of the content, in characters from the start of the text.
    pub start: usize,
    /// End of the content, in characters, exclusive.
    pub end: usize,
    /// Start of the content, in bytes from the start of the text.
    pub byte_start: usize,
    /// End of the content, in bytes, exclusive.
    pub byte_end: usize,
    /// Size in the unit of the options.
    pub size: usize,
    /// Titles of the headings that enclose the chunk's start, outermost first. A heading at the
    /// chunk's start is included.
    ///
    /// Markdown titles are source text without markers; an empty heading has the title "". HTML
    /// titles are text on one line; an empty heading is left out. A title has at most 1,000 bytes.
    /// Empty for plain text, JSON and YAML.
    pub heading_path: Rc<[Rc<str>]>,
}

impl Chunk<'_> {
    /// Title of the innermost heading that encloses the chunk's start.
    pub fn section_title(&self) -> Option<&str> {
        self.heading_path.last().map(|title| &**title)
    }
}
