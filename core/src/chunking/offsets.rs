//! Offsets in characters of byte positions.

use super::meter::Meter;
use super::space::count_chars;

/// Tells the character offsets of positions, counted from the one asked for last.
#[derive(Default)]
pub(super) struct Offsets {
    byte: usize,
    chars: usize,
}

impl Offsets {
    pub(super) fn of<T: FnMut()>(&mut self, text: &str, at: usize, meter: &mut Meter<T>) -> usize {
        let Offsets { byte, chars } = *self;
        let chars = if at >= byte {
            chars + count_chars(text, byte, at, meter)
        } else {
            chars - count_chars(text, at, byte, meter)
        };
        *self = Offsets { byte: at, chars };
        chars
    }

    /// Takes note that the text is now without its first bytes. Offsets still count from its start.
    pub(super) fn drop_front(&mut self, by: usize) {
        self.byte -= by;
    }
}
