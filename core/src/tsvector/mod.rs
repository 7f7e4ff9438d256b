//! Postgres' tsvector as bytes: one is read in place, any number are joined into one.
//!
//! Bytes here are what follows the 4-byte length of a detoasted value: an `i32` count, so many
//! entries, then the string area that entries point into. An entry is a bitfield (bit 0: has
//! positions, 11 bits: length of the lexeme, 20 bits: its offset); positions, when there are any,
//! follow the lexeme at the next even offset: a `u16` count, then a `u16` each, the weight in its
//! two highest bits. Everything is in the byte order of the machine.

mod assembler;
mod format;
mod view;
mod write;

pub use assembler::Assembler;
pub use format::{MAX_AREA, MAX_LEXEME, MAX_POSITION, MAX_POSITIONS, Position, Weight};
pub use view::{Malformed, Positions, View};
pub use write::{key, of_keys, of_words, set_weight_up_to};
