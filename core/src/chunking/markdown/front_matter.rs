//! Front matter: YAML between two lines `---` at the very start of a text.

use super::super::meter::Meter;
use super::super::space::{after_newline, find_newline};
use super::line::MAX_LINE;

/// End of the front matter, and the position at which the text continues.
pub(super) fn front_matter<T: FnMut()>(text: &str, meter: &mut Meter<T>) -> Option<(usize, usize)> {
    let is_rule = |line: &str| line.trim_end_matches([' ', '\t']) == "---";
    let mut at = if text.starts_with('\u{FEFF}') { 3 } else { 0 };
    let mut first = true;
    while at < text.len() {
        let end = find_newline(text, at, text.len(), meter).unwrap_or(text.len());
        meter.work(16);
        let rule = end - at < MAX_LINE && is_rule(&text[at..end]);
        if rule && !first {
            return Some((end, if end < text.len() { after_newline(text, end) } else { end }));
        }
        if first && !rule || end == text.len() {
            return None;
        }
        first = false;
        at = after_newline(text, end);
    }
    None
}
