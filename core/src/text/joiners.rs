//! Signs between the words of a compound, and before and after them.

use super::classes::{DIGIT, LETTER, begins_word, char_at, class_at, is_letter, is_mark};

/// Sign that joins two words. A lower one holds less tightly: `a-b.c/d` is `a-b.c` and `d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Joiner {
    /// `@` of an address.
    At,
    /// `+` before the `@` of an address.
    Plus,
    /// `/` or `\`.
    Path,
    /// `::`, `->` or `#`.
    Scope,
    /// `&` between letters.
    And,
    Dot,
    Hyphen,
    Underscore,
    /// `'` or `’` between letters.
    Apostrophe,
    /// `.` between digits.
    Point,
}

/// Sign before a compound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    /// `/`, `~/`, `./`, `../`, also with a `.` after it.
    Path,
    /// `#`, `@`, or `.` before a letter.
    Name,
    /// Minus.
    Sign,
}

/// Longest joiner: `/../`, with a few signs of paths.
const MAX_JOINER: usize = 8;
/// Bytes of an address between a `+` and its `@`.
const MAX_TAG: usize = 64;

fn word_begins(source: &str, at: usize) -> bool {
    char_at(source, at).is_some_and(begins_word)
}

/// Joiner at `at`, where a word ends, and its length. `start` is where the word began.
pub(super) fn joiner(source: &str, start: usize, at: usize) -> Option<(Joiner, usize)> {
    let bytes = source.as_bytes();
    let (joiner, length) = match bytes.get(at)? {
        b'.' => {
            let digits = class_at(bytes, at - 1) & class_at(bytes, at + 1) == DIGIT;
            (if digits { Joiner::Point } else { Joiner::Dot }, 1)
        }
        b'-' if bytes.get(at + 1) == Some(&b'>') => (Joiner::Scope, 2),
        b'-' => (Joiner::Hyphen, 1),
        b'_' => (Joiner::Underscore, length_of(bytes, at, b"_")),
        b'/' | b'\\' => (Joiner::Path, length_of(bytes, at, b"/\\.~_@$")),
        // A drive: `C:\`.
        b':' if at == start + 1 && matches!(bytes.get(at + 1), Some(b'\\' | b'/')) => {
            (Joiner::Path, 1 + length_of(bytes, at + 1, b"/\\"))
        }
        b':' if bytes.get(at + 1) == Some(&b':') => (Joiner::Scope, 2),
        b'\'' if is_between_letters(source, at, 1) => (Joiner::Apostrophe, 1),
        0xE2 if source[at..].starts_with('’') && is_between_letters(source, at, 3) => {
            (Joiner::Apostrophe, 3)
        }
        b'@' => (Joiner::At, 1),
        b'#' => (Joiner::Scope, 1),
        b'&' if is_ascii_letter(bytes, at - 1) && is_ascii_letter(bytes, at + 1) => {
            (!is_reference(&bytes[at + 1..])).then_some((Joiner::And, 1))?
        }
        b'+' if is_before_at(source, at + 1) => (Joiner::Plus, 1),
        _ => return None,
    };
    (length <= MAX_JOINER && word_begins(source, at + length)).then_some((joiner, length))
}

/// True if the sign of `length` bytes at `at` has a letter before and after it.
fn is_between_letters(source: &str, at: usize, length: usize) -> bool {
    let before = source[..at].chars().next_back();
    let after = char_at(source, at + length);
    before.is_some_and(|c| is_letter(c) || is_mark(c))
        && after.is_some_and(|c| begins_word(c) && is_letter(c))
}

/// True for the rest of a character reference that is common in text: `&gt;`.
fn is_reference(rest: &[u8]) -> bool {
    [b"amp;".as_slice(), b"lt;", b"gt;", b"quot;", b"apos;", b"nbsp;"]
        .iter()
        .any(|name| rest.starts_with(name))
}

fn is_ascii_letter(bytes: &[u8], at: usize) -> bool {
    class_at(bytes, at) & LETTER != 0
}

/// Number of bytes from `at` that are one of `signs`, as far as a joiner may be long.
fn length_of(bytes: &[u8], at: usize, signs: &[u8]) -> usize {
    let rest = bytes[at..].iter().take(MAX_JOINER + 1);
    rest.take_while(|byte| signs.contains(byte)).count()
}

fn is_before_at(source: &str, at: usize) -> bool {
    let rest = source.as_bytes()[at..].iter().take(MAX_TAG);
    let length =
        rest.take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')).count();
    let sign = at + length;
    source.as_bytes().get(sign) == Some(&b'@') && word_begins(source, sign + 1)
}

/// Prefix at `at` and its length. `before` is the byte before it.
pub(super) fn prefix(source: &str, at: usize, before: Option<u8>) -> Option<(Prefix, usize)> {
    let bytes = source.as_bytes();
    match bytes.get(at)? {
        b'~' | b'/' | b'.' if before != Some(b'<') => {
            let length = length_of(bytes, at, b"~/.");
            if bytes[at..at + length].contains(&b'/') {
                let fits = length <= MAX_JOINER && word_begins(source, at + length);
                return fits.then_some((Prefix::Path, length));
            }
            let is_name = length == 1 && bytes[at] == b'.' && is_ascii_letter(bytes, at + 1);
            is_name.then_some((Prefix::Name, 1))
        }
        b'#' | b'@' => word_begins(source, at + 1).then_some((Prefix::Name, 1)),
        b'-' => {
            let may_be_sign = match before {
                None => true,
                Some(before) => before <= b' ' || b"([{=,;:<>\"'*|".contains(&before),
            };
            (may_be_sign && class_at(bytes, at + 1) == DIGIT).then_some((Prefix::Sign, 1))
        }
        _ => None,
    }
}

/// Length of the sign at `at` that ends a name: `++` of `C++`, `#` of `C#`.
pub(super) fn suffix(source: &str, at: usize) -> usize {
    let bytes = source.as_bytes();
    if !is_ascii_letter(bytes, at - 1) {
        return 0;
    }
    match bytes.get(at) {
        Some(b'+') if bytes.get(at + 1) == Some(&b'+') && bytes.get(at + 2) != Some(&b'+') => 2,
        Some(b'#') if bytes.get(at + 1) != Some(&b'#') && !word_begins(source, at + 1) => 1,
        _ => 0,
    }
}
