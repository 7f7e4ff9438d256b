//! Boundaries at which a text can be cut, and their ranks.

use super::headings::Path;

/// Ranks of boundaries, from the lowest to the highest: a line; then for each level of nesting, the
/// innermost first, between two of its items, and after a blank line in it (or whatever sets apart
/// as much); a section. So a list is split between its items before it is split inside one.
pub(super) const LINE: usize = 0;
/// Deeper levels are not told apart.
pub(super) const LEVELS: usize = 64;
pub(super) const SECTION: usize = 2 * LEVELS + 1;
pub(super) const RANKS: usize = SECTION + 1;

/// Between two items at this level of nesting, 0 the outermost.
pub(super) fn item_rank(level: usize) -> usize {
    2 * LEVELS - 1 - 2 * level.min(LEVELS - 1)
}

/// Between two paragraphs at this level of nesting, 0 outside of all.
pub(super) fn paragraph_rank(level: usize) -> usize {
    item_rank(level) + 1
}

/// A line's start, or a place between two members, at which a chunk can begin.
#[derive(Clone, Debug)]
pub(super) struct Boundary {
    pub(super) at: usize,
    pub(super) rank: usize,
    /// Whether what follows, up to the next boundary, is to be kept whole.
    pub(super) solid: bool,
    pub(super) path: Path,
}

/// The part of the text in which a chunk may end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Where the chunk starts.
    pub(super) start: usize,
    /// The chunk has to end here at the latest.
    pub(super) limit: usize,
    /// The end of the whitespace after `limit`. A boundary as late as this fits as well, because
    /// the whitespace before it is dropped.
    pub(super) gap_end: usize,
}

/// A place to cut: where the chunk's content ends, and the headings that hold for what follows.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    pub(super) end: usize,
    pub(super) path: Path,
}

/// How far a chunk may reach.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    /// A chunk that ends here or later is at least half full.
    pub(super) half: usize,
    /// A chunk that ends later is too large.
    pub(super) limit: usize,
}
