//! Characters beside a byte position.

pub(super) fn char_at(text: &str, at: usize) -> Option<char> {
    text.get(at..)?.chars().next()
}

pub(super) fn char_before(text: &str, at: usize) -> Option<char> {
    text.get(..at)?.chars().next_back()
}

/// Last position in `[from, at]`, among the last `max_chars` characters, at which `is_start` holds. Its
/// arguments are the character at the position and the character before it. `from` counts as such a position.
pub(super) fn scan_back(
    text: &str,
    from: usize,
    at: usize,
    max_chars: usize,
    is_start: impl Fn(char, Option<char>) -> bool,
) -> Option<usize> {
    let mut start = at;
    for _ in 0..max_chars {
        let before = char_before(text, start);
        if char_at(text, start).is_some_and(|c| is_start(c, before)) {
            return Some(start);
        }
        if start <= from {
            return Some(from);
        }
        start -= before.map_or(0, char::len_utf8);
    }
    None
}
