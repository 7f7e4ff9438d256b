//! Layout of entries and positions.

// There, compilers allocate bitfields from the other end.
#[cfg(target_endian = "big")]
compile_error!("entries of a tsvector are only understood on little-endian machines");

/// The highest position; Postgres counts every later one as this.
pub const MAX_POSITION: u16 = (1 << 14) - 1;
/// Positions that Postgres keeps of one lexeme. `to_tsvector` stops at 255, `||` at 256.
pub const MAX_POSITIONS: usize = 256;
/// A lexeme has fewer bytes.
pub const MAX_LEXEME: usize = 1 << 11;
/// Bytes of the longest string area that Postgres makes.
pub const MAX_AREA: usize = (1 << 20) - 1;

pub(super) const LEXEME_BITS: u32 = 11;

/// The weight of a position, lightest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The default, which Postgres doesn't print.
    D,
    /// Of the others, the lightest.
    C,
    /// Heavier.
    B,
    /// The heaviest.
    A,
}

/// One occurrence of a lexeme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// D unless it was set.
    pub weight: Weight,
    /// From 1 to [`MAX_POSITION`] in what Postgres makes; 0 can come in with a binary COPY.
    pub position: u16,
}

impl Position {
    /// A position of a text, which may have more than there are.
    pub fn at(position: u32, weight: Weight) -> Self {
        Position { weight, position: position.min(MAX_POSITION.into()) as u16 }
    }

    pub(super) fn unpack(packed: u16) -> Self {
        let weight = match packed >> 14 {
            0 => Weight::D,
            1 => Weight::C,
            2 => Weight::B,
            _ => Weight::A,
        };
        Position { weight, position: packed & MAX_POSITION }
    }

    pub(super) fn pack(self) -> u16 {
        (self.weight as u16) << 14 | self.position
    }
}

/// Where in the string area an entry's lexeme is.
pub(super) fn bounds(entry: [u8; 4]) -> (usize, usize) {
    let word = u32::from_ne_bytes(entry);
    let start = (word >> (LEXEME_BITS + 1)) as usize;
    (start, start + (word >> 1 & ((1 << LEXEME_BITS) - 1)) as usize)
}
