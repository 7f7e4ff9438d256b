//! A line as CommonMark reads it: columns with tab stops of 4, and the markers that start a block.

/// Bytes of a line that are parsed, at most.
pub(super) const MAX_LINE: usize = 16 * 1024;

/// Position in a line. A tab can be consumed partly: `> ` before a tab leaves some of its columns.
#[derive(Clone, Copy)]
pub(super) struct LineCursor<'a> {
    /// The line without its line break, up to [`MAX_LINE`] bytes.
    bytes: &'a [u8],
    at: usize,
    column: usize,
    /// Column at which the partly consumed tab at `at` ends, or 0.
    tab_end: usize,
    /// First byte from `at` on that is neither space nor tab, and its column.
    next: usize,
    next_column: usize,
}

/// Marker of a list item, followed by a space or the end of the line.
pub(super) struct ListMarker {
    /// Columns from here to its content.
    pub(super) width: usize,
    /// True if it can begin a list in the middle of a paragraph.
    pub(super) interrupts: bool,
    pub(super) blank: bool,
}

impl<'a> LineCursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let bytes = &bytes[..bytes.len().min(MAX_LINE)];
        let mut line = LineCursor { bytes, at: 0, column: 0, tab_end: 0, next: 0, next_column: 0 };
        line.look();
        line
    }

    fn look(&mut self) {
        (self.next, self.next_column) = (self.at, self.column);
        if self.tab_end > self.column {
            (self.next, self.next_column) = (self.at + 1, self.tab_end);
        }
        while let Some(&byte) = self.bytes.get(self.next) {
            match byte {
                b' ' => self.next_column += 1,
                b'\t' => self.next_column = (self.next_column / 4 + 1) * 4,
                _ => break,
            }
            self.next += 1;
        }
    }

    pub(super) fn indent(&self) -> usize {
        self.next_column - self.column
    }

    pub(super) fn is_blank(&self) -> bool {
        self.next == self.bytes.len()
    }

    /// First byte of the content.
    pub(super) fn first(&self) -> Option<u8> {
        self.bytes.get(self.next).copied()
    }

    /// Start of the content in the line, and the content.
    pub(super) fn content(&self) -> (usize, &'a [u8]) {
        (self.next, &self.bytes[self.next..])
    }

    /// Consumes the indentation and `length` bytes of content after it.
    fn consume(&mut self, length: usize) {
        (self.at, self.column, self.tab_end) = (self.next + length, self.next_column + length, 0);
        self.look();
    }

    /// Consumes columns of indentation.
    pub(super) fn consume_columns(&mut self, columns: usize) {
        let target = self.column + columns;
        while self.column < target {
            let stop = match self.bytes.get(self.at) {
                Some(b'\t') if self.tab_end > 0 => self.tab_end,
                Some(b'\t') => (self.column / 4 + 1) * 4,
                Some(b' ') => self.column + 1,
                _ => break,
            };
            if stop > target {
                (self.column, self.tab_end) = (target, stop);
            } else {
                (self.column, self.tab_end) = (stop, 0);
                self.at += 1;
            }
        }
        self.look();
    }

    /// Consumes `>` and a space after it.
    pub(super) fn consume_quote(&mut self) -> bool {
        let found = self.indent() < 4 && self.first() == Some(b'>');
        if found {
            self.consume(1);
            self.consume_columns(1);
        }
        found
    }

    /// Marker that starts here. [`LineCursor::consume_marker`] consumes it.
    pub(super) fn marker(&self) -> Option<ListMarker> {
        let (_, content) = self.content();
        let digits = content.iter().take(10).take_while(|b| b.is_ascii_digit()).count();
        let (length, interrupts) = match content.get(digits)? {
            b'-' | b'+' | b'*' if digits == 0 => (1, true),
            b'.' | b')' if (1..=9).contains(&digits) => (digits + 1, &content[..digits] == b"1"),
            _ => return None,
        };
        if !matches!(content.get(length), None | Some(b' ' | b'\t')) {
            return None;
        }
        let mut after = *self;
        after.consume(length);
        let blank = after.is_blank();
        let space = if blank || after.indent() > 4 { 1 } else { after.indent() };
        let width = self.indent() + length + space;
        Some(ListMarker { width, interrupts: interrupts && !blank, blank })
    }

    pub(super) fn consume_marker(&mut self, marker: &ListMarker) {
        let column = self.column + marker.width;
        let length = self.bytes[self.next..]
            .iter()
            .position(|b| matches!(b, b' ' | b'\t'))
            .unwrap_or(self.bytes.len() - self.next);
        self.consume(length);
        self.consume_columns(column.saturating_sub(self.column));
    }
}

/// Level of an ATX heading, and the range of its title in the content.
pub(super) fn atx(content: &[u8]) -> Option<(u8, usize, usize)> {
    let level = content.iter().take(7).take_while(|&&b| b == b'#').count();
    if !(1..=6).contains(&level) || !matches!(content.get(level), None | Some(b' ' | b'\t')) {
        return None;
    }
    let start = level + content[level..].iter().take_while(|&&b| is_space(b)).count();
    let mut end = start + content[start..].trim_ascii_end().len();
    let open = content[..end].iter().rev().take_while(|&&b| b == b'#').count();
    // Closing #s count only after a space.
    if open > 0 && end - open <= start {
        end = start;
    } else if open > 0 && is_space(content[end - open - 1]) {
        end = start + content[start..end - open].trim_ascii_end().len();
    }
    Some((level as u8, start, end))
}

/// Level of the heading that the paragraph above becomes if this line is a setext underline.
pub(super) fn setext(content: &[u8]) -> Option<u8> {
    let &first = content.first()?;
    let level = match first {
        b'=' => 1,
        b'-' => 2,
        _ => return None,
    };
    let run = content.iter().take_while(|&&b| b == first).count();
    content[run..].iter().all(|&b| is_space(b)).then_some(level)
}

pub(super) fn is_thematic_break(content: &[u8]) -> bool {
    let Some(&rule @ (b'-' | b'*' | b'_')) = content.first() else {
        return false;
    };
    content.iter().all(|&b| b == rule || is_space(b))
        && content.iter().filter(|&&b| b == rule).count() > 2
}

/// Character and length of a fence that opens a code block.
pub(super) fn fence(content: &[u8]) -> Option<(u8, usize)> {
    let &byte @ (b'`' | b'~') = content.first()? else {
        return None;
    };
    let length = content.iter().take_while(|&&b| b == byte).count();
    let info_fits = byte == b'~' || !content[length..].contains(&b'`');
    (length > 2 && info_fits).then_some((byte, length))
}

pub(super) fn closes_fence(content: &[u8], (byte, length): (u8, usize)) -> bool {
    let run = content.iter().take_while(|&&b| b == byte).count();
    run >= length && content[run..].iter().all(|&b| is_space(b))
}

/// Number of cells in a row of a table.
pub(super) fn cells(content: &[u8]) -> usize {
    let content = content.trim_ascii();
    let content = content.strip_prefix(b"|").unwrap_or(content);
    let escaped =
        |at: usize| content[..at].iter().rev().take_while(|&&b| b == b'\\').count() % 2 > 0;
    let mut bars = 0;
    let mut last = None;
    for at in memchr::memchr_iter(b'|', content).filter(|&at| !escaped(at)) {
        bars += 1;
        last = Some(at);
    }
    if last.is_some_and(|at| at + 1 == content.len()) { bars } else { bars + 1 }
}

/// True for a delimiter row with as many cells as the header.
pub(super) fn is_delimiter_row(content: &[u8], header: &[u8]) -> bool {
    let row = content.trim_ascii();
    if !header.contains(&b'|') {
        return false;
    }
    let inner = row.strip_prefix(b"|").unwrap_or(row);
    let inner = inner.strip_suffix(b"|").unwrap_or(inner);
    let is_cell = |cell: &[u8]| {
        let cell = cell.trim_ascii();
        let cell = cell.strip_prefix(b":").unwrap_or(cell);
        let cell = cell.strip_suffix(b":").unwrap_or(cell);
        !cell.is_empty() && cell.iter().all(|&b| b == b'-')
    };
    inner.split(|&b| b == b'|').all(is_cell) && cells(content) == cells(header)
}

/// True if this may be a link reference definition. A paragraph of nothing else never becomes a
/// heading.
pub(super) fn is_reference(content: &[u8]) -> bool {
    let label = content.first() == Some(&b'[');
    label && memchr::memchr(b']', content).is_some_and(|at| content.get(at + 1) == Some(&b':'))
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}
