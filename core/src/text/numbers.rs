//! Numbers that are more than digits: thousands separators and exponents.

use super::classes::{ALNUM, DIGIT, class_at};

/// Number at the start of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    pub end: usize,
    pub style: Style,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `1,234,567.89`; `1.234.567,89`; `1'234`; `1_000`. The fraction begins after `point`.
    Grouped { point: Option<usize> },
    /// `5,5`: a decimal comma, or two numbers.
    Comma,
    /// `1e-9`.
    Exponent,
}

/// Most digits that are read ahead to tell a number.
const MAX_NUMBER: usize = 64;

/// Number with separators or an exponent at `at`; None for plain digits and versions.
pub(super) fn number(bytes: &[u8], at: usize) -> Option<Number> {
    let bytes = &bytes[..bytes.len().min(at + MAX_NUMBER)];
    let digits = digits(bytes, at);
    let end = at + digits;
    match bytes.get(end)? {
        b',' | b'\'' | b'_' | b'.' if digits <= 3 => grouped(bytes, at, end),
        _ => None,
    }
    .or_else(|| comma(bytes, at, end))
    .or_else(|| exponent(bytes, end))
}

/// Two numbers with a comma between them, which are no part of a list.
fn comma(bytes: &[u8], at: usize, first: usize) -> Option<Number> {
    let end = first + 1 + digits(bytes, first + 1);
    let goes_on =
        |at: usize| matches!(bytes.get(at), Some(b',' | b'.')) && digits(bytes, at + 1) > 0;
    let is_in_list = at >= 2 && bytes[at - 1] == b',' && bytes[at - 2].is_ascii_digit();
    let is_pair = bytes[first] == b',' && end > first + 1 && !goes_on(end) && !is_in_list;
    is_pair.then_some(Number { end, style: Style::Comma })
}

fn digits(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Number in groups of three digits. With points between them, only if a comma follows: otherwise
/// it may be a version.
fn grouped(bytes: &[u8], at: usize, first: usize) -> Option<Number> {
    let separator = bytes[first];
    let mut end = first;
    while bytes.get(end) == Some(&separator) && digits(bytes, end + 1) == 3 {
        end += 4;
    }
    let decimal = match separator {
        b'.' => b',',
        _ => b'.',
    };
    let is_cut = end + 1 >= at + MAX_NUMBER;
    if end == first || bytes.get(end) == Some(&separator) && digits(bytes, end + 1) > 0 || is_cut {
        return None;
    }
    let fraction = if bytes.get(end) == Some(&decimal) { digits(bytes, end + 1) } else { 0 };
    let point = (fraction > 0).then_some(end);
    if fraction > 0 {
        end += 1 + fraction;
        let goes_on = bytes.get(end) == Some(&decimal) && digits(bytes, end + 1) > 0;
        if goes_on {
            return None;
        }
    } else if separator == b'.' {
        return None;
    }
    Some(Number { end, style: Style::Grouped { point } })
}

/// Number with an exponent, whose digits before the first point end at `end`.
fn exponent(bytes: &[u8], end: usize) -> Option<Number> {
    let fraction = if bytes.get(end) == Some(&b'.') { digits(bytes, end + 1) } else { 0 };
    let at = if fraction > 0 { end + 1 + fraction } else { end };
    if !matches!(bytes.get(at), Some(b'e' | b'E')) {
        return None;
    }
    let sign = usize::from(matches!(bytes.get(at + 1), Some(b'-' | b'+')));
    let power = digits(bytes, at + 1 + sign);
    let end = at + 1 + sign + power;
    let is_whole = class_at(bytes, end) & ALNUM == 0
        && !(bytes.get(end) == Some(&b'.') && class_at(bytes, end + 1) & DIGIT != 0);
    (power > 0 && power <= 3 && is_whole).then_some(Number { end, style: Style::Exponent })
}
