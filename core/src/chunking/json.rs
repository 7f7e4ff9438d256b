//! Boundaries of JSON: between members, outer ones before inner ones.
//!
//! The scan only distinguishes strings, brackets and commas, so it accepts any text: several values
//! in a row (JSON Lines), comments, truncated text. A line break ends a string, since a string
//! cannot contain one; a stray quote therefore affects only its line.

use super::boundary::{Boundary, LINE, item_rank, paragraph_rank};
use super::graphemes::is_boundary;
use super::headings::HeadingPath;
use super::meter::{MAX_STEP, Meter};
use super::space::{after_newline, is_newline};

/// Boundaries between the members of objects and arrays, and between values.
pub(super) struct JsonBoundaries<'t> {
    text: &'t str,
    /// Text before this position was scanned.
    at: usize,
    /// Open brackets.
    depth: usize,
    in_string: bool,
}

impl<'t> JsonBoundaries<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        JsonBoundaries { text, at: 0, depth: 0, in_string: false }
    }

    /// Returns the next boundary.
    pub(super) fn next<T: FnMut()>(&mut self, meter: &mut Meter<T>) -> Option<Boundary> {
        let length = self.text.len();
        while self.at < length {
            let from = self.at;
            let found = self.scan((from + MAX_STEP).min(length));
            meter.work(self.at - from);
            // A combining character on a comma belongs to it.
            if let Some(rank) = found
                && is_boundary(self.text, self.at)
            {
                return Some(Boundary {
                    at: self.at,
                    rank,
                    solid: false,
                    path: HeadingPath::default(),
                });
            }
        }
        None
    }

    /// Scans to the next boundary, but not beyond `to`. Returns the boundary's rank.
    fn scan(&mut self, to: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        while self.at < to {
            if self.in_string {
                self.in_string = false;
                let rest = &bytes[self.at..to];
                match memchr::memchr3(b'"', b'\\', b'\n', rest) {
                    Some(found) if rest[found] == b'"' => self.at += found + 1,
                    Some(found) if rest[found] == b'\\' => {
                        // The escaped byte is never the end of the string, but may be the end of
                        // the line.
                        self.at = (self.at + found + 1).min(bytes.len());
                        if bytes.get(self.at).is_some_and(|&byte| byte != b'\n') {
                            self.at += 1;
                        }
                        self.in_string = true;
                    }
                    Some(found) => self.at += found,
                    None => {
                        self.at = to;
                        self.in_string = true;
                    }
                }
                continue;
            }
            let byte = bytes[self.at];
            self.at += 1;
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(paragraph_rank(0));
                    }
                }
                b',' => return Some(item_rank(self.depth.saturating_sub(1))),
                _ if is_newline(byte) => {
                    self.at = after_newline(self.text, self.at - 1);
                    return Some(if self.depth == 0 { paragraph_rank(0) } else { LINE });
                }
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::boundary::RANKS;
    use super::*;

    /// Text between the boundaries of this rank and above.
    fn split(text: &str, rank: usize) -> Vec<&str> {
        let (mut boundaries, mut meter) = (JsonBoundaries::new(text), Meter::new(|| {}));
        let mut parts = Vec::new();
        let mut start = 0;
        while let Some(boundary) = boundaries.next(&mut meter) {
            assert!(boundary.at > start || boundary.at == 0 || boundary.rank < RANKS);
            if boundary.rank >= rank {
                parts.push(&text[start..boundary.at]);
                start = boundary.at;
            }
        }
        parts.push(&text[start..]);
        parts.retain(|part| !part.is_empty());
        parts
    }

    #[test]
    fn members_end_with_their_comma() {
        assert_eq!(split("[1,[2,3],4]", item_rank(0)), ["[1,", "[2,3],", "4]"]);
        assert_eq!(split(r#"{"a":1,"b":2}"#, item_rank(0)), [r#"{"a":1,"#, r#""b":2}"#]);
    }

    #[test]
    fn inner_boundaries_rank_below_outer_ones() {
        assert_eq!(split("[1,[2,3],4]", item_rank(1)), ["[1,", "[2,", "3],", "4]"]);
        assert_eq!(split("[[[1,2],3],4]", item_rank(1)), ["[[[1,2],", "3],", "4]"]);
    }

    #[test]
    fn nothing_in_a_string_counts() {
        let text = r#"["a,b]","\",","\\","c"]"#;
        assert_eq!(split(text, LINE), [r#"["a,b]","#, r#""\",","#, r#""\\","#, r#""c"]"#]);
    }

    #[test]
    fn consecutive_values_are_separated() {
        assert_eq!(
            split("{\"a\":1}\n{\"b\":2}\n", paragraph_rank(0)),
            ["{\"a\":1}", "\n", "{\"b\":2}", "\n"]
        );
        assert_eq!(split("1\n2\n", paragraph_rank(0)), ["1\n", "2\n"]);
    }

    #[test]
    fn a_stray_quote_affects_only_its_line() {
        assert_eq!(split("[\"a,\n1,\n2]", item_rank(0)), ["[\"a,\n1,", "\n2]"]);
    }
}
