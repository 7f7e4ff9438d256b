//! What a text without headings begins with: as a rule, what it is about.

/// A title has no more bytes.
const MAX_TITLE: usize = 200;

/// The title that a text begins with: its first line, or, where that is longer than titles are, the
/// first sentence of it; empty, where that is, too.
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
