//! Title of a text without headings: its first line, where the text shows that it is one.

/// Size limit of a title, in bytes.
const MAX_TITLE: usize = 200;

/// Returns the first line of a text if a blank line or a heading follows it. Empty otherwise, and if
/// the line is longer than 200 bytes.
pub fn leading_title(text: &str) -> &str {
    let mut lines = text.split_inclusive('\n');
    let line = lines.next().unwrap_or_default();
    let is_title = line.len() <= MAX_TITLE
        && lines.next().is_some_and(|next| next.trim().is_empty() || next.starts_with('#'));
    if is_title { line } else { "" }
}
