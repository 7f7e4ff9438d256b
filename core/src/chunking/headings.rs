//! Headings that enclose a position.

use std::rc::Rc;

/// Headings that enclose a position, innermost first: a list that shares its tail, because it is
/// kept for several positions at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct HeadingPath {
    pub(super) innermost: Option<Rc<Heading>>,
    /// Start of the text that has these headings.
    pub(super) since: usize,
}

#[derive(Debug)]
pub(super) struct Heading {
    pub(super) title: Rc<str>,
    pub(super) level: u8,
    /// Block quotes and list items around the heading. It encloses nothing outside of them.
    pub(super) depth: usize,
    pub(super) outer: Option<Rc<Heading>>,
}

impl HeadingPath {
    /// Titles, outermost first.
    pub(super) fn titles(&self) -> Rc<[Rc<str>]> {
        let mut titles = Vec::new();
        let mut heading = self.innermost.as_ref();
        while let Some(inner) = heading {
            titles.push(inner.title.clone());
            heading = inner.outer.as_ref();
        }
        titles.reverse();
        titles.into()
    }

    /// True if both have the same headings.
    pub(super) fn is_same(&self, other: &HeadingPath) -> bool {
        match (&self.innermost, &other.innermost) {
            (Some(a), Some(b)) => Rc::ptr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        }
    }
}
