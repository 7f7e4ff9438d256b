//! Title of a text without headings: its beginning.

/// Size limit of a title, in bytes.
const MAX_TITLE: usize = 200;

/// Returns the first line of a text or, if that is longer than 200 bytes, its first sentence. Empty
/// if the sentence is too long as well.
pub fn leading_title(text: &str) -> &str {
    let line = text.split_inclusive('\n').next().unwrap_or_default();
    if line.len() <= MAX_TITLE {
        return line;
    }
    let line = &line[..line.floor_char_boundary(MAX_TITLE)];
    let end = line.char_indices().zip(line.chars().skip(1)).find_map(|((at, c), next)| {
        let ends = match c {
            '.' | '!' | '?' => next.is_whitespace(),
            '。' | '！' | '？' => true,
            _ => false,
        };
        ends.then_some(at + c.len_utf8())
    });
    &line[..end.unwrap_or(0)]
}
