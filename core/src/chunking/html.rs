//! HTML: the text of a page, where it can be cut, and under which headings.

use super::structure::Boundary;

/// The boundaries of a page's text.
pub(super) struct Page<'t> {
    boundaries: std::slice::Iter<'t, Boundary>,
}

impl Page<'_> {
    pub(super) fn pull(&mut self) -> Option<Boundary> {
        self.boundaries.next().cloned()
    }
}
