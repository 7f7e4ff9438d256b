//! Boundaries at which a text can be cut, their ranks, and the window in which a chunk may end.

use super::headings::HeadingPath;

/// Rank of a line start, the lowest. Above it, each level of nesting has two ranks, innermost level
/// first: between two items, and after a blank line. The highest is [`SECTION`]. A list is
/// therefore split between its items before an item is split.
pub(super) const LINE: usize = 0;
/// Levels of nesting that have ranks of their own. Deeper levels share the last one.
pub(super) const LEVELS: usize = 64;
pub(super) const SECTION: usize = 2 * LEVELS + 1;
pub(super) const RANKS: usize = SECTION + 1;

/// Rank of a boundary between two items at a level of nesting; 0 is the outermost.
pub(super) fn item_rank(level: usize) -> usize {
    2 * LEVELS - 1 - 2 * level.min(LEVELS - 1)
}

/// Rank of a boundary between two paragraphs at a level of nesting; 0 is outside of all.
pub(super) fn paragraph_rank(level: usize) -> usize {
    item_rank(level) + 1
}

/// Position at which a chunk can begin: the start of a line or, in JSON, of a member.
#[derive(Clone, Debug)]
pub(super) struct Boundary {
    pub(super) at: usize,
    pub(super) rank: usize,
    /// True if the text up to the next boundary is to be kept whole.
    pub(super) solid: bool,
    pub(super) path: HeadingPath,
}

/// Stretch of text in which a chunk may end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Start of the chunk.
    pub(super) start: usize,
    /// Last position at which the chunk may end.
    pub(super) limit: usize,
    /// End of the whitespace after `limit`. A boundary up to here fits as well, because the
    /// whitespace before it is dropped.
    pub(super) gap_end: usize,
}

/// Position to cut at: the end of a chunk's content, and the headings of the text after it.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    pub(super) end: usize,
    pub(super) path: HeadingPath,
}

/// Range of ends that the measure allows for a chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    /// First end at which the chunk is at least half full.
    pub(super) half: usize,
    /// Last end at which the chunk is not too large.
    pub(super) limit: usize,
}
