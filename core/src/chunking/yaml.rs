//! Boundaries of YAML: between documents, and between entries of mappings and sequences, outer ones
//! before inner ones.
//!
//! A line is an entry if it has, after the indentation, `- `, `? `, a key with its `:`, or a
//! comment. A comment belongs to the entry below it. Lines of block scalars (`|`, `>`) are no
//! entries. Other lines can look like an entry: in a quoted or plain scalar of several lines, or in
//! a flow collection. They are indented further than the entry they are in, so cutting there does
//! no harm.

use super::boundary::{Boundary, LEVELS, LINE, item_rank, paragraph_rank};
use super::headings::HeadingPath;
use super::meter::{MAX_STEP, Meter};
use super::space::{after_newline, find_newline};

/// Bytes of a line in which a key's `:` is searched. YAML allows 1,024 characters for an implicit
/// key.
const MAX_KEY: usize = 4096;

pub(super) struct YamlBoundaries<'t> {
    text: &'t str,
    /// Start of the next line.
    at: usize,
    /// First entry of each open collection, outermost first, up to `LEVELS`.
    open: Vec<EntryStart>,
    /// Column of the entry that the current block scalar belongs to.
    scalar: Option<usize>,
    after_blank: bool,
    /// Column of the comment in the line before.
    comment: Option<usize>,
}

/// Start of an entry. Items of a sequence may be in the column of the key that they belong to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct EntryStart {
    column: usize,
    is_item: bool,
}

impl<'t> YamlBoundaries<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        YamlBoundaries {
            text,
            at: 0,
            open: Vec::new(),
            scalar: None,
            after_blank: false,
            comment: None,
        }
    }

    /// Returns the next boundary.
    pub(super) fn next<T: FnMut()>(&mut self, meter: &mut Meter<T>) -> Option<Boundary> {
        while self.at < self.text.len() {
            let start = self.at;
            let length = self.text.len();
            let newline = find_newline(self.text, start, length, meter);
            meter.work(MAX_KEY);
            self.at = newline.map_or(length, |newline| after_newline(self.text, newline));
            let line = &self.text.as_bytes()[start..newline.unwrap_or(length)];
            let mut indent = 0;
            for part in line.chunks(MAX_STEP) {
                let spaces = part.iter().take_while(|&&byte| byte == b' ').count();
                meter.work(spaces);
                indent += spaces;
                if spaces < part.len() {
                    break;
                }
            }
            let (head, tail) = line.split_at(line.len().saturating_sub(MAX_KEY).max(indent));
            let line = &line[..head.len() + tail.trim_ascii_end().len()];
            if line.len() == indent {
                self.after_blank = true;
                continue;
            }
            let rank = self.rank(line, indent);
            self.after_blank = false;
            return Some(Boundary { at: start, rank, solid: false, path: HeadingPath::default() });
        }
        None
    }

    /// Rank of the boundary before a line that is not blank.
    fn rank(&mut self, line: &[u8], indent: usize) -> usize {
        let comment = self.comment.take();
        if self.scalar.is_some_and(|column| indent > column) {
            return LINE;
        }
        self.scalar = None;
        let mut rest = &line[indent..];
        if indent == 0 && (is_marker(rest, b"---") || is_marker(rest, b"...")) {
            self.open.clear();
            return paragraph_rank(0);
        }
        if rest[0] == b'#' {
            self.comment = Some(indent);
            if comment == Some(indent) {
                return LINE;
            }
            let entry = EntryStart { column: indent, is_item: false };
            return self.entry_rank(self.level_of(entry));
        }
        let is_scalar = ends_in_block_scalar(rest);
        let mut column = indent;
        let mut outermost = None;
        // Deeper levels share a rank.
        for _ in 0..LEVELS {
            let is_item = is_marker(rest, b"-");
            if !is_item && !is_marker(rest, b"?") && !has_key(rest) {
                break;
            }
            let level = self.enter(EntryStart { column, is_item });
            outermost.get_or_insert(level);
            if is_scalar {
                self.scalar = Some(column);
            }
            if !is_item {
                break;
            }
            let spaces = rest[1..].iter().take(MAX_KEY).take_while(|&&byte| byte == b' ').count();
            (column, rest) = (column + 1 + spaces, &rest[1 + spaces..]);
        }
        match outermost {
            Some(level) if comment != Some(indent) => self.entry_rank(level),
            _ => LINE,
        }
    }

    fn entry_rank(&self, level: usize) -> usize {
        if self.after_blank { paragraph_rank(level) } else { item_rank(level) }
    }

    /// Number of collections around an entry, besides its own.
    fn level_of(&self, entry: EntryStart) -> usize {
        self.open.iter().take_while(|&&open| open < entry).count()
    }

    /// Closes the collections that the entry ends and opens its own. Returns the entry's level.
    fn enter(&mut self, entry: EntryStart) -> usize {
        let level = self.level_of(entry);
        self.open.truncate(level);
        if level < LEVELS {
            self.open.push(entry);
        }
        level
    }
}

/// True if the text begins with a marker that stands by itself.
fn is_marker(rest: &[u8], marker: &[u8]) -> bool {
    rest.strip_prefix(marker)
        .is_some_and(|after| matches!(after.first(), None | Some(b' ' | b'\t')))
}

/// True if the text begins with a key and its `:`.
fn has_key(rest: &[u8]) -> bool {
    let seen = &rest[..rest.len().min(MAX_KEY)];
    let from = match seen.first() {
        Some(&quote @ (b'"' | b'\'')) => match memchr::memchr(quote, &seen[1..]) {
            Some(end) => end + 2,
            None => return false,
        },
        _ => 0,
    };
    memchr::memchr_iter(b':', &seen[from..])
        .map(|colon| from + colon)
        .take_while(|&colon| !seen[..colon].ends_with(b" #"))
        .any(|colon| matches!(rest.get(colon + 1), None | Some(b' ' | b'\t')))
}

/// True if the value of the line is a block scalar: `|` or `>` with its indicators at the end,
/// maybe with a comment.
fn ends_in_block_scalar(line: &[u8]) -> bool {
    let line = &line[line.len().saturating_sub(MAX_KEY)..];
    let end = memchr::memmem::find(line, b" #").unwrap_or(line.len());
    let line = line[..end].trim_ascii_end();
    let indicators = line.iter().rev().take_while(|b| matches!(b, b'+' | b'-' | b'1'..=b'9'));
    let indicator = line.len() - indicators.take(2).count();
    let (before, last) = line[..indicator].split_at(indicator.saturating_sub(1));
    matches!(last, b"|" | b">") && matches!(before.last(), None | Some(b' ' | b'\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First line of text at each boundary, with the level of an entry.
    fn levels(text: &str) -> Vec<(&str, Option<usize>)> {
        let (mut entries, mut meter) = (YamlBoundaries::new(text), Meter::new(|| {}));
        let boundaries = std::iter::from_fn(|| entries.next(&mut meter));
        boundaries
            .map(|boundary| {
                let line = text[boundary.at..].lines().next().unwrap_or_default();
                let is_of = |&level: &usize| {
                    [item_rank(level), paragraph_rank(level)].contains(&boundary.rank)
                };
                (line, (0..LEVELS).find(is_of))
            })
            .collect()
    }

    #[test]
    fn entries_are_ranked_by_their_level() {
        let text = "name: x\njobs:\n  build:\n    steps:\n    - run: a\n      with: b\n    - run: c\n  test: 1\n";
        assert_eq!(
            levels(text),
            [
                ("name: x", Some(0)),
                ("jobs:", Some(0)),
                ("  build:", Some(1)),
                ("    steps:", Some(2)),
                ("    - run: a", Some(3)),
                ("      with: b", Some(4)),
                ("    - run: c", Some(3)),
                ("  test: 1", Some(1)),
            ]
        );
    }

    #[test]
    fn items_in_the_column_of_their_key_are_inside_it() {
        assert_eq!(
            levels("a:\n- 1\n- 2\nb: 3\n"),
            [("a:", Some(0)), ("- 1", Some(1)), ("- 2", Some(1)), ("b: 3", Some(0)),]
        );
    }

    #[test]
    fn lines_of_a_block_scalar_are_no_entries() {
        for header in ["|", ">-", "|2+", "| # why", "!!str |"] {
            let text = format!("a: {header}\n  b: 1\n\n  - c\nd: 2\n");
            let scalar = [("  b: 1", None), ("  - c", None)];
            let [first, second, third, fourth] = levels(&text)[..] else { panic!("{text}") };
            assert_eq!(([second, third], first.1, fourth), (scalar, Some(0), ("d: 2", Some(0))));
        }
        assert_eq!(
            levels("- k: |\n    x: 1\n  l: 2\n")[1..],
            [("    x: 1", None), ("  l: 2", Some(1))]
        );
    }

    #[test]
    fn a_comment_belongs_to_the_entry_below() {
        assert_eq!(
            levels("a: 1\n# why\n# b\nb: 2\n"),
            [("a: 1", Some(0)), ("# why", Some(0)), ("# b", None), ("b: 2", None),]
        );
    }

    #[test]
    fn lines_that_are_no_entries_are_lines() {
        let text = "a: some\n  more\n  http://x\n[b,\n c]\n";
        let lines = ["  more", "  http://x", "[b,", " c]"].map(|line| (line, None));
        assert_eq!(levels(text)[1..], lines);
    }

    #[test]
    fn documents_are_separated() {
        let text = "a: 1\n---\nb: 2\n";
        assert_eq!(levels(text)[1], ("---", Some(0)));
    }
}
