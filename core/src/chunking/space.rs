//! Whitespace, lines and character counts, in steps between ticks.

use super::chars::{char_at, char_before};
use super::graphemes::{Join, join};
use super::meter::{MAX_STEP, Meter};

/// True for the bytes that end a line. A line ends with LF, CRLF or CR, as in CommonMark.
#[inline]
pub(super) fn is_newline(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

/// Start of the line after the line break at `at`.
pub(super) fn after_newline(text: &str, at: usize) -> usize {
    if text.as_bytes()[at..].starts_with(b"\r\n") { at + 2 } else { at + 1 }
}

pub(super) fn at_line_start(text: &str, at: usize) -> bool {
    at == 0 || is_newline(text.as_bytes()[at - 1])
}

/// First position from `from` on that is not White_Space, or the end of the text.
pub(super) fn skip_space<T: FnMut()>(text: &str, from: usize, meter: &mut Meter<T>) -> usize {
    let mut at = from;
    while at < text.len() {
        let stop = text.ceil_char_boundary((at + MAX_STEP).min(text.len()));
        match text[at..stop].find(|c: char| !c.is_whitespace()) {
            Some(found) => return at + found,
            None => meter.work(stop - at),
        }
        at = stop;
    }
    at
}

/// Trims White_Space from the end of `text[from..to]`. Returns the new end and the number of lines
/// that end in the trimmed text, up to 2. A space that belongs to the grapheme cluster before it
/// (after a Prepend character, such as U+0600) stays.
pub(super) fn trim_end<T: FnMut()>(
    text: &str,
    from: usize,
    to: usize,
    meter: &mut Meter<T>,
) -> (usize, usize) {
    let bytes = text.as_bytes();
    let mut end = to;
    let mut lines = 0;
    loop {
        let floor = text.floor_char_boundary(end.saturating_sub(MAX_STEP)).max(from);
        let kept = floor + text[floor..end].trim_end().len();
        for at in (kept..end).rev() {
            let crlf = bytes[at] == b'\r' && at + 1 < to && bytes[at + 1] == b'\n';
            if lines < 2 && is_newline(bytes[at]) && !crlf {
                lines += 1;
            }
        }
        meter.work(end - kept);
        end = kept;
        if kept > floor || floor == from {
            break;
        }
    }
    if from < end && end < to {
        // Only a Prepend character joins with a space after it. Its last byte is never ASCII.
        let before = bytes[end - 1];
        if before >= 0x80
            && let (Some(a), Some(b)) = (char_before(text, end), char_at(text, end))
            && join(a, b) == Join::Joined
        {
            end += b.len_utf8();
        }
    }
    (end, lines)
}

/// First line break in `text[from..to]`.
pub(super) fn find_newline<T: FnMut()>(
    text: &str,
    from: usize,
    to: usize,
    meter: &mut Meter<T>,
) -> Option<usize> {
    let mut at = from;
    while at < to {
        let stop = (at + MAX_STEP).min(to);
        match memchr::memchr2(b'\n', b'\r', &text.as_bytes()[at..stop]) {
            Some(found) => {
                meter.work(found);
                return Some(at + found);
            }
            None => meter.work(stop - at),
        }
        at = stop;
    }
    None
}

/// Last line break in `text[from..to]`.
pub(super) fn rfind_newline<T: FnMut()>(
    text: &str,
    from: usize,
    to: usize,
    meter: &mut Meter<T>,
) -> Option<usize> {
    let mut end = to;
    while from < end {
        let floor = end.saturating_sub(MAX_STEP).max(from);
        match memchr::memrchr2(b'\n', b'\r', &text.as_bytes()[floor..end]) {
            Some(found) => {
                meter.work(end - floor - found);
                return Some(floor + found);
            }
            None => meter.work(end - floor),
        }
        end = floor;
    }
    None
}

/// Number of characters in `text[from..to]`.
pub(super) fn count_chars<T: FnMut()>(
    text: &str,
    from: usize,
    to: usize,
    meter: &mut Meter<T>,
) -> usize {
    let mut at = from;
    let mut count = 0;
    while at < to {
        let stop = text.floor_char_boundary((at + MAX_STEP).min(to));
        count += text[at..stop].chars().count();
        meter.work(stop - at);
        at = stop;
    }
    count
}

/// Position `count` characters after `from`, or the end of the text.
pub(super) fn advance_chars<T: FnMut()>(
    text: &str,
    from: usize,
    count: usize,
    meter: &mut Meter<T>,
) -> usize {
    let mut at = from;
    let mut left = count;
    while left > 0 && at < text.len() {
        let step = left.min(MAX_STEP / 4);
        let ascii = text.as_bytes().get(at..at + step).is_some_and(<[u8]>::is_ascii);
        let next = if ascii {
            at + step
        } else {
            let mut chars = text[at..].chars();
            chars.nth(step - 1);
            text.len() - chars.as_str().len()
        };
        meter.work(next - at);
        at = next;
        left -= step;
    }
    at
}

/// Position `count` characters before `from`, but not before `floor`.
pub(super) fn retreat_chars<T: FnMut()>(
    text: &str,
    floor: usize,
    from: usize,
    count: usize,
    meter: &mut Meter<T>,
) -> usize {
    let mut at = from;
    let mut left = count;
    while left > 0 && at > floor {
        let step = left.min(MAX_STEP / 4);
        let mut chars = text[floor..at].chars();
        chars.nth_back(step - 1);
        let next = floor + chars.as_str().len();
        meter.work(at - next);
        at = next;
        left -= step;
    }
    at
}
