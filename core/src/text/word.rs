//! Words that the analyzer returns.

use super::kind::Kind;

/// Longest form of a word in bytes. PostgreSQL's lexemes are shorter than 2,047 bytes.
pub const MAX_WORD: usize = 2046;

/// Word of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    /// Normalised form: NFKC, case folded, without default-ignorable characters. At most
    /// [`MAX_WORD`] bytes.
    pub form: &'a str,
    pub kind: Kind,
    pub role: Role,
    pub variant: Variant,
    /// First byte in the text. The word as written is `text[start..end]`.
    pub start: usize,
    pub end: usize,
    /// Position in the text, from 1. A compound stands at the position of its first part.
    pub position: u32,
}

/// Place of a word in a compound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Word that is not a compound, nor in one.
    Word,
    /// Compound as a whole. Its groups and parts follow.
    Whole,
    /// Compound inside a compound: `lib.rs` in `src/lib.rs`.
    Group,
    /// Smallest part of a compound. Parts have consecutive positions.
    Part,
}

/// Form of a word, of several that it may have at one position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variant {
    /// As written. Comes first.
    Written,
    /// Without accents, points and strokes: `zurich` of `Zürich`.
    Unaccented,
    /// Korean word without its particles: `학교` of `학교에서는`.
    WithoutParticle,
    /// Abbreviation without its full stops: `usa` of `U.S.A.`
    WithoutStops,
}
