//! Sentence and word boundaries near a position. Small windows are segmented, each from a character
//! at which segmentation can start.

use unicode_segmentation::UnicodeSegmentation;

use super::chars::{char_at, char_before, scan_back};
use super::graphemes::{is_boundary, is_mark};
use super::meter::Meter;
use super::words::{base_before, is_base};

/// Bytes of a window. Small because unicode-segmentation looks ahead from each character after a
/// full stop: a window of `.)))))` takes quadratic time.
const WINDOW: usize = 256;
/// Characters after a window that may decide about a boundary inside it, at most.
const AHEAD: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Sentence,
    Word,
}

/// Last boundary in `[from, to]`.
pub(super) fn last_boundary<T: FnMut()>(
    segment: Segment,
    text: &str,
    from: usize,
    to: usize,
    meter: &mut Meter<T>,
) -> Option<usize> {
    let mut end = to;
    let mut found = Vec::new();
    // Words are short: the first look back rarely has to be repeated.
    let mut window = if segment == Segment::Word { WINDOW / 4 } else { WINDOW };
    // Most full stops end a sentence. After four that do not, windows are segmented whole.
    let mut guesses = 4;
    while from <= end {
        let mut start = text.ceil_char_boundary(end.saturating_sub(window).max(from));
        let mut last = end;
        if segment == Segment::Sentence
            && guesses > 0
            && let Some((terminator, next)) = ascii_terminator(text, start, end)
        {
            (start, last) = (terminator, next);
            guesses -= 1;
        }
        boundaries(segment, text, start, last, meter, &mut found);
        if let Some(&last) = found.last() {
            return Some(last);
        }
        let before = char_before(text, start).filter(|_| start > from)?;
        end = start - before.len_utf8();
        window = WINDOW;
    }
    None
}

/// Last position in `text[from..to]` after which a sentence may have ended, and the next letter or
/// digit. The boundary, if there is one, is between them, and none comes later. None if the text is
/// not ASCII.
fn ascii_terminator(text: &str, from: usize, to: usize) -> Option<(usize, usize)> {
    let bytes = &text.as_bytes()[from..to];
    if !bytes.is_ascii() {
        return None;
    }
    let is_terminator = |byte: &u8| matches!(byte, b'.' | b'?' | b'!' | b'\n' | b'\r');
    let found = bytes.iter().rposition(is_terminator)?;
    let next = bytes[found..].iter().position(u8::is_ascii_alphanumeric);
    Some((from + found, next.map_or(to, |next| from + found + next)))
}

/// First boundary in `[from, to]`. A word boundary must not be followed by space.
pub(super) fn first_boundary<T: FnMut()>(
    segment: Segment,
    text: &str,
    from: usize,
    to: usize,
    meter: &mut Meter<T>,
) -> Option<usize> {
    let mut start = from;
    let mut found = Vec::new();
    loop {
        let end = text.floor_char_boundary(start + WINDOW).min(to);
        boundaries(segment, text, start, end, meter, &mut found);
        let first = found.iter().copied().find(|&at| {
            segment == Segment::Sentence || char_at(text, at).is_some_and(|c| !c.is_whitespace())
        });
        if first.is_some() || end >= to {
            return first;
        }
        start = end + char_at(text, end).map_or(1, char::len_utf8);
    }
}

/// Collects the boundaries in `[from, to]` that are boundaries of grapheme clusters too.
fn boundaries<T: FnMut()>(
    segment: Segment,
    text: &str,
    from: usize,
    to: usize,
    meter: &mut Meter<T>,
    found: &mut Vec<usize>,
) {
    found.clear();
    let bytes = &text.as_bytes()[from..to];
    // Segmentation starts before `from`, since it says nothing about a boundary at its own start.
    let near = before(text, from);
    let start = match segment {
        Segment::Word => base_before(text, 0, near).unwrap_or(near),
        Segment::Sentence => letter_before(text, near).unwrap_or(near),
    };
    if segment == Segment::Sentence {
        // No sentence ends without a full stop or a line end. ASCII has only `.`, `?` and `!`; any
        // other character may be the full stop of another script.
        let seen = &text.as_bytes()[start..to];
        if seen.is_ascii()
            && memchr::memchr3(b'.', b'?', b'!', seen).is_none()
            && !seen.iter().any(|b| matches!(b, b'\n' | b'\r'))
        {
            meter.work(bytes.len());
            return;
        }
    }
    // The next letter after a full stop decides, however many combining characters or spaces come
    // first.
    let decides = |at: usize, c: char| match segment {
        Segment::Word => at > 0 && is_base(c),
        Segment::Sentence => c.is_alphabetic() && !is_mark(c),
    };
    let mut stop = to;
    for (at, c) in text[to..].char_indices().take(AHEAD) {
        stop = to + at + c.len_utf8();
        if decides(at, c) {
            break;
        }
    }
    let seen = &text[start..stop];
    // Segmenting costs about ten times as much as passing over a byte.
    meter.work(seen.len() * 8);
    let mut keep = |offset: usize| {
        let at = start + offset;
        if at > to {
            return false;
        }
        if at >= from && offset > 0 && is_boundary(text, at) {
            found.push(at);
        }
        true
    };
    match segment {
        Segment::Word => seen.split_word_bound_indices().all(|(offset, _)| keep(offset)),
        Segment::Sentence => seen.split_sentence_bound_indices().all(|(offset, _)| keep(offset)),
    };
}

fn before(text: &str, at: usize) -> usize {
    at - char_before(text, at).map_or(0, char::len_utf8)
}

/// Last position up to `at` from which sentences can be segmented, among the last 128 characters.
/// The rules remember nothing from before a letter, a line end, or a full stop that follows no
/// letter.
fn letter_before(text: &str, at: usize) -> Option<usize> {
    scan_back(text, 0, at, 128, |c, before| match c {
        '\n' => true,
        '.' | '?' | '!' => before.is_some_and(|b| b.is_ascii() && !b.is_ascii_alphabetic()),
        _ => c.is_alphabetic() && !is_mark(c),
    })
}
