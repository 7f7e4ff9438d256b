//! Pieces of a word: by case (`getUserName`), and letters apart from digits (`10GB`).

use smallvec::SmallVec;

use super::classes::{Class, class, is_mark, is_mid_letter};
use super::output::Span;

pub(super) type Pieces = SmallVec<[Span; 8]>;

/// Pieces of which a word has more are at least [`LEAST_MEAN`] bytes long in the mean; otherwise it
/// is no identifier but a key, a hash or encoded data, and stays whole.
const FEW: usize = 4;
const LEAST_MEAN: usize = 2;

/// Pieces of `source[span]`. One piece if it has no parts.
pub(super) fn pieces(source: &str, span: Span) -> Pieces {
    let word = &source[span.start..span.end];
    let mut found = Pieces::new();
    let mut start = span.start;
    if !is_hexadecimal(word) {
        each_boundary(word, |at| {
            let piece = without_sign(&word[start - span.start..at]);
            found.push(Span { start, end: start + piece.len() });
            start = span.start + at;
        });
    }
    found.push(Span { start, end: span.end });
    if found.len() > FEW && word.len() < LEAST_MEAN * found.len() {
        found.clear();
        found.push(span);
    }
    found
}

/// Piece without a sign between letters at its end, and its marks.
pub(super) fn without_sign(piece: &str) -> &str {
    let bare = piece.trim_end_matches(|c| is_mid_letter(c) || is_mark(c)).len();
    let sign = piece[bare..].find(is_mid_letter);
    sign.map_or(piece, |sign| &piece[..bare + sign])
}

/// True for letters and digits of a hash or UUID: digits amid letters from a to f.
fn is_hexadecimal(word: &str) -> bool {
    let bytes = word.as_bytes();
    let digit = |byte: &u8| byte.is_ascii_digit();
    bytes.len() >= 4
        && bytes.iter().all(u8::is_ascii_hexdigit)
        && bytes.windows(2).filter(|pair| digit(&pair[0]) != digit(&pair[1])).count() >= 2
}

/// Calls `boundary` with each offset at which a piece begins, but for the first.
fn each_boundary(word: &str, mut boundary: impl FnMut(usize)) {
    let letters = word.char_indices().filter(|&(_, c)| !is_mid_letter(c));
    let classes = letters.map(|(at, c)| (at, class(c)));
    let mut classes =
        classes.filter(|(_, class)| !matches!(class, Class::Mark | Class::Modifier)).peekable();
    let mut before: Option<Class> = None;
    while let Some((at, here)) = classes.next() {
        let next = classes.peek().copied();
        let is_boundary = match (before, here) {
            (None, _) => false,
            (Some(Class::Digit), Class::Digit) => false,
            (Some(Class::Digit), _) | (Some(_), Class::Digit) => true,
            (Some(Class::Lower), Class::Upper) => true,
            // `HTTPServer`; not `PDFs`, whose last letter is the plural.
            (Some(Class::Upper), Class::Upper) => match next {
                Some((next, Class::Lower)) => !is_plural(&word[next..]),
                _ => false,
            },
            // Letters without case beside letters with it: `API는`.
            (Some(before), here) => (before == Class::Letter) != (here == Class::Letter),
        };
        if is_boundary {
            boundary(at);
        }
        before = Some(here);
    }
}

/// True if a word goes on with an `s` that ends it or a piece.
fn is_plural(rest: &str) -> bool {
    let mut chars = rest.chars();
    chars.next() == Some('s') && chars.next().is_none_or(|c| class(c) != Class::Lower)
}
