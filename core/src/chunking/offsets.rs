//! Offsets in characters of positions in bytes.

use super::meter::Meter;
use super::space::count_chars;

/// Converts positions in bytes into offsets in characters, counting from the last position asked
/// for.
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

    /// Adjusts positions after the first `by` bytes of the text were dropped. Offsets still count
    /// from the start of the whole text.
    pub(super) fn drop_front(&mut self, by: usize) {
        self.byte -= by;
    }
}
