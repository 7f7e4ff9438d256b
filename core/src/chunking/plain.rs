//! Boundaries of plain text: paragraphs (blank lines) and lines, found by looking back.

use super::boundary::Window;
use super::meter::Meter;
use super::space::{rfind_newline, trim_end};

/// End of content at the best boundary in the window: the last blank line, else the last line end.
pub(super) fn best<T: FnMut()>(
    text: &str,
    window: &Window,
    lowest: usize,
    meter: &mut Meter<T>,
) -> Option<usize> {
    let mut line = None;
    let mut to = window.gap_end;
    while let Some(newline) = rfind_newline(text, lowest, to, meter) {
        let (end, lines) = trim_end(text, window.start, newline + 1, meter);
        if end < lowest {
            break;
        }
        if lines > 1 {
            return Some(end);
        }
        line.get_or_insert(end);
        to = end;
    }
    line
}
