//! Postgres' tsvector as bytes: reading one without a copy, writing one, and joining many.
//!
//! The bytes are the content of a detoasted value, after its 4-byte length: an `i32` count, the
//! entries, and the string area that they point into. An entry is a bitfield (bit 0: has positions,
//! 11 bits: length of the lexeme, 20 bits: its offset). Positions, if there are any, follow the
//! lexeme at the next even offset: a `u16` count, then a `u16` each, with the weight in its two
//! highest bits. All numbers are in the byte order of the machine.

mod assembler;
mod format;
mod view;
mod write;

pub use assembler::Assembler;
pub(crate) use format::PackedPosition;
pub use format::{MAX_AREA, MAX_LEXEME, MAX_POSITION, MAX_POSITIONS, Position, Weight};
pub use view::{Lexemes, Malformed, Positions, View};
pub use write::{key, of_keys, of_words, set_weight_up_to};
