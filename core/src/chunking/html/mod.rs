//! HTML: the text of a page that a reader sees, and the boundaries in it.

mod boundaries;
mod elements;
mod markup;
mod reader;
mod references;
mod rendering;
mod sources;

pub(super) use boundaries::HtmlBoundaries;
pub(super) use markup::MAX_TEXT;
pub(super) use reader::PageReader;
