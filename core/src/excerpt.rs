//! Excerpts of values for error messages.

/// Characters of a value that a message repeats.
const MAX_EXCERPT: usize = 100;

/// Returns the first 100 characters of a value, with `...` if there are more. Control characters
/// become `?`: they could cut a message short or forge a log line.
pub(crate) fn excerpt(value: &str) -> String {
    let plain = |c: char| if c.is_control() { '?' } else { c };
    let mut short: String = value.chars().take(MAX_EXCERPT).map(plain).collect();
    if value.chars().nth(MAX_EXCERPT).is_some() {
        short += "...";
    }
    short
}
