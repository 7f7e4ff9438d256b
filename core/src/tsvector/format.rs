//! Layout of entries and positions.

// Compilers for big-endian machines allocate bitfields from the other end.
#[cfg(target_endian = "big")]
compile_error!("entries of a tsvector are only understood on little-endian machines");

/// Highest position. Postgres counts every later one as this.
pub const MAX_POSITION: u16 = (1 << 14) - 1;
/// Positions that Postgres keeps of one lexeme. `to_tsvector` stops at 255, `||` at 256.
pub const MAX_POSITIONS: usize = 256;
/// Size limit of a lexeme, in bytes, exclusive.
pub const MAX_LEXEME: usize = 1 << 11;
/// Size limit of a string area, in bytes.
pub const MAX_AREA: usize = (1 << 20) - 1;

pub(super) const LEXEME_BITS: u32 = 11;

/// Weight of a position, lightest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Default weight, which Postgres does not print.
    D,
    /// Lightest weight above the default.
    C,
    B,
    /// Heaviest weight.
    A,
}

/// Occurrence of a lexeme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// D unless it was set.
    pub weight: Weight,
    /// Position, from 1 to [`MAX_POSITION`] if Postgres wrote it; a binary COPY can bring 0.
    pub position: u16,
}

/// Position as it is stored: a `u16` with the weight in its two highest bits.
pub type PackedPosition = [u8; 2];

impl Position {
    /// Position of a word. Words beyond [`MAX_POSITION`] share the highest position.
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

    pub(crate) fn pack(self) -> u16 {
        (self.weight as u16) << 14 | self.position
    }
}

/// Range of an entry's lexeme in the string area.
pub(super) fn bounds(entry: [u8; 4]) -> (usize, usize) {
    let word = u32::from_ne_bytes(entry);
    let start = (word >> (LEXEME_BITS + 1)) as usize;
    (start, start + (word >> 1 & ((1 << LEXEME_BITS) - 1)) as usize)
}
