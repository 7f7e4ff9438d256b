//! Gap between two texts: the separation that is added before the next one.

use super::origin::Origin;

/// Separation between the last text and the next.
#[derive(Default)]
pub(super) struct Gap {
    pub(super) newlines: usize,
    pub(super) tabs: usize,
    /// Origin of the first white space.
    pub(super) space: Option<Origin>,
    /// True at the start of a cell: blocks in a cell do not separate it from the cell before.
    pub(super) in_cell: bool,
    pub(super) new_item: bool,
    pub(super) heading: Option<u8>,
    pub(super) whole: Option<Whole>,
}

#[derive(Clone, Copy)]
pub(super) enum Whole {
    /// Row, with the number of lists and tables around it.
    Row(usize),
    Pre,
}
