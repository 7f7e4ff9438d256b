//! View: reads a tsvector without copying it.

use super::format::{MAX_POSITION, MAX_POSITIONS, PackedPosition, Position, Weight, bounds};

/// Error: bytes that are no tsvector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Shorter than the count or than its entries, or the count is negative.
    Truncated,
    /// Entry, counted from 0, that points outside the string area or has too many positions.
    Entry(usize),
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Malformed::Truncated => f.write_str("malformed tsvector: it ends before its entries"),
            Malformed::Entry(index) => write!(f, "malformed tsvector: entry {index} is invalid"),
        }
    }
}

impl std::error::Error for Malformed {}

/// Lexemes of a text with their positions: all, or those that are looked for.
pub trait Lexemes<'a> {
    /// Positions of a lexeme.
    fn find(&self, lexeme: &[u8]) -> Option<Positions<'a>>;

    /// Number of lexemes.
    fn len(&self) -> usize;

    /// True if there is no lexeme.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each lexeme with its positions as they are stored; none if the vector was stripped.
    fn iter(&self) -> impl Iterator<Item = (&'a [u8], Positions<'a>)>;

    /// First and last position of the text's content: of what has no weight.
    fn content_bounds(&self) -> Option<(u16, u16)>;
}

/// A tsvector, read from its bytes.
///
/// Reads stay inside the bytes, whatever they are. Entries are not checked to be sorted, distinct
/// and disjoint: a view of hostile bytes may repeat a lexeme.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub(super) entries: &'a [[u8; 4]],
    area: &'a [u8],
}

impl<'a> View<'a> {
    /// Checks every entry once.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let view = Self::open(bytes)?;
        match view.entries.iter().position(|entry| view.read(*entry).is_none()) {
            Some(index) => Err(Malformed::Entry(index)),
            None => Ok(view),
        }
    }

    /// Checks no entry: entries that point outside are skipped. For vectors that Postgres made, if
    /// few of their entries are read.
    pub fn open(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (count, rest) = bytes.split_first_chunk().ok_or(Malformed::Truncated)?;
        let size = usize::try_from(i32::from_ne_bytes(*count))
            .ok()
            .and_then(|count| count.checked_mul(4))
            .ok_or(Malformed::Truncated)?;
        let (entries, area) = rest.split_at_checked(size).ok_or(Malformed::Truncated)?;
        Ok(View { entries: entries.as_chunks().0, area })
    }

    /// Number of different positions.
    pub fn count_positions(&self) -> usize {
        let mut seen = [0_u64; (MAX_POSITION as usize + 1).div_ceil(64)];
        for position in self.iter().flat_map(|(_, positions)| positions) {
            let at = usize::from(position.position & MAX_POSITION);
            seen[at / 64] |= 1 << (at % 64);
        }
        seen.iter().map(|bits| bits.count_ones() as usize).sum()
    }

    fn read(&self, entry: [u8; 4]) -> Option<(&'a [u8], &'a [PackedPosition])> {
        let (start, end) = bounds(entry);
        let lexeme = self.area.get(start..end)?;
        if u32::from_ne_bytes(entry) & 1 == 0 {
            return Some((lexeme, &[]));
        }
        let (count, rest) = self.area.get(end.next_multiple_of(2)..)?.split_first_chunk()?;
        let count = usize::from(u16::from_ne_bytes(*count));
        let positions = rest.get(..2 * count)?;
        (count <= MAX_POSITIONS).then_some((lexeme, positions.as_chunks().0))
    }
}

impl<'a> Lexemes<'a> for View<'a> {
    /// By binary search: entries are ordered by their bytes.
    fn find(&self, lexeme: &[u8]) -> Option<Positions<'a>> {
        let wanted = Prefix::of(lexeme, 0, lexeme.len());
        let prefix = |entry: [u8; 4]| {
            let (start, end) = bounds(entry);
            Prefix::of(self.area, start, end)
        };
        // Binary search without a branch on the comparison, which would be mispredicted half of the
        // time.
        let (mut first, mut count) = (0, self.entries.len());
        while count > 0 {
            let half = count.div_ceil(2);
            let is_less = prefix(self.entries[first + half - 1]) < wanted;
            first += if is_less { half } else { 0 };
            count -= half;
        }
        let like = self.entries[first..].iter().take_while(|entry| prefix(**entry) == wanted);
        let (_, positions) =
            like.filter_map(|entry| self.read(*entry)).find(|(spelt, _)| *spelt == lexeme)?;
        Some(Positions::of(positions))
    }

    fn len(&self) -> usize {
        self.entries.len()
    }

    fn iter(&self) -> impl Iterator<Item = (&'a [u8], Positions<'a>)> {
        let view = *self;
        view.entries.iter().filter_map(move |entry| {
            let (lexeme, positions) = view.read(*entry)?;
            Some((lexeme, Positions::of(positions)))
        })
    }

    fn content_bounds(&self) -> Option<(u16, u16)> {
        let positions = self.iter().flat_map(|(_, positions)| positions);
        let content = positions.filter(|p| p.weight == Weight::D).map(|p| p.position);
        content.fold(None, |bounds, at| {
            let (first, last) = bounds.unwrap_or((at, at));
            Some((first.min(at), last.max(at)))
        })
    }
}

/// First 8 bytes of a lexeme, zero-padded. Of two lexemes with different prefixes, the lesser has
/// the lesser prefix.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Prefix(u64);

impl Prefix {
    /// First 8 bytes of `bytes[start..end]`, big-endian, zero-padded; 0 if out of range.
    fn of(bytes: &[u8], start: usize, end: usize) -> Self {
        let kept = (end - start).min(8);
        let first = match bytes.get(start..).and_then(|rest| rest.first_chunk()) {
            Some(chunk) => u64::from_be_bytes(*chunk),
            // Fewer than 8 bytes are left.
            None => {
                let mut chunk = [0; 8];
                let rest = bytes.get(start..start + kept).unwrap_or_default();
                chunk[..rest.len()].copy_from_slice(rest);
                u64::from_be_bytes(chunk)
            }
        };
        match kept {
            0 => Self(0),
            kept => Self(first & (u64::MAX << (64 - 8 * kept))),
        }
    }
}

/// Positions of a lexeme, as they are stored.
#[derive(Clone, Debug)]
pub struct Positions<'a>(std::slice::Iter<'a, PackedPosition>);

impl<'a> Positions<'a> {
    pub(crate) fn of(positions: &'a [PackedPosition]) -> Self {
        Self(positions.iter())
    }
}

impl Iterator for Positions<'_> {
    type Item = Position;

    fn next(&mut self) -> Option<Position> {
        self.0.next().map(|packed| Position::unpack(u16::from_ne_bytes(*packed)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Positions<'_> {}
