//! The block structure of Markdown (CommonMark, and GFM's tables), one line at a time.
//!
//! Only what matters for cutting is kept of a block: where it is and of what kind, in how many list
//! items it is. Blocks come in order, without gaps but for blank lines. Memory is constant: of the
//! containers (block quotes, list items) that are open only [`MAX_DEPTH`] are told apart, deeper
//! markers are text.

use super::super::chars::char_at;
use super::super::meter::Meter;
use super::super::space::{after_newline, find_newline};
use super::html::{self, End};
use super::line::{self, Line, SEEN};

/// How deep containers nest. Each costs a look at every line, so that without a bound hostile input
/// takes quadratic time.
pub(super) const MAX_DEPTH: usize = 32;

/// A title of unbounded length would be repeated in every chunk of its section.
const MAX_TITLE: usize = 1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Container {
    Quote,
    /// A list item: how many columns its content is indented, and whether it has any yet.
    Item {
        width: usize,
        empty: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockKind<'t> {
    Heading {
        level: u8,
        title: &'t str,
    },
    Fence,
    Table,
    /// Everything else: paragraphs, indented code, HTML, rules, list items that begin with a blank line.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block<'t> {
    pub(super) kind: BlockKind<'t>,
    /// Where its first line starts, container markers included.
    pub(super) start: usize,
    /// Where its last line ends, without the line break.
    pub(super) end: usize,
    /// Whether there is a blank line before it.
    pub(super) after_blank: bool,
    /// Whether it begins with a list item's marker.
    pub(super) new_item: bool,
    /// In how many list items both it and the block before it are.
    pub(super) items: usize,
    /// In how many containers both it and the block before it are.
    pub(super) kept: usize,
    /// In how many containers it is.
    pub(super) depth: usize,
}

/// How the open block goes on.
#[derive(Clone, Copy, Debug)]
enum Leaf {
    /// Not at all: it is one line, or ended.
    Closed,
    Paragraph(Paragraph),
    Fence {
        mark: (u8, usize),
    },
    Code,
    Html {
        end: End,
    },
    Table,
}

/// What a later line can make of a paragraph: a heading, or its last line a table's header.
#[derive(Clone, Copy, Debug)]
struct Paragraph {
    /// Where its text starts.
    text: usize,
    /// Where its last line and that line's text start, unless that is a lazy continuation.
    line: Option<(usize, usize)>,
    /// Where the line before that ends.
    before: Option<usize>,
    /// Whether all of it looks like reference definitions.
    references: bool,
}

pub(super) struct Blocks<'t> {
    text: &'t str,
    /// Where the next line starts.
    at: usize,
    containers: Vec<Container>,
    open: Option<(Block<'t>, Leaf)>,
    /// The least number of containers that were open since the last block began.
    kept: usize,
    kept_items: usize,
    after_blank: bool,
}

impl<'t> Blocks<'t> {
    pub(super) fn new<T: FnMut()>(text: &'t str, meter: &mut Meter<T>) -> Self {
        let mut blocks = Blocks {
            text,
            at: 0,
            containers: Vec::new(),
            open: None,
            kept: 0,
            kept_items: 0,
            after_blank: false,
        };
        if let Some((end, next)) = front_matter(text, meter) {
            let mut block = blocks.block(0, BlockKind::Other, false);
            block.end = end;
            blocks.open = Some((block, Leaf::Closed));
            blocks.at = next;
        }
        blocks
    }

    /// The next block.
    pub(super) fn next<T: FnMut()>(&mut self, meter: &mut Meter<T>) -> Option<Block<'t>> {
        while self.at < self.text.len() {
            let start = self.at;
            let end =
                find_newline(self.text, start, self.text.len(), meter).unwrap_or(self.text.len());
            meter.work(16 + 16 * self.containers.len());
            self.at = if end < self.text.len() { after_newline(self.text, end) } else { end };
            if let Some(block) = self.line(start, end, meter) {
                return Some(block);
            }
        }
        self.open.take().map(|(block, _)| block)
    }

    /// Takes in a line. If it does not belong to the open block, this is what was open.
    fn line<T: FnMut()>(
        &mut self,
        start: usize,
        end: usize,
        meter: &mut Meter<T>,
    ) -> Option<Block<'t>> {
        let bom = if start == 0 && char_at(self.text, 0) == Some('\u{FEFF}') { 3 } else { 0 };
        let from = start + bom;
        let bytes = &self.text.as_bytes()[from..end];
        let mut line = Line::new(bytes);
        let matched = self.match_containers(&mut line);
        let all_matched = matched == self.containers.len();

        if all_matched && self.continue_literal(line, start, end, from, meter) {
            return None;
        }
        let paragraph = matches!(self.open, Some((_, Leaf::Paragraph(_))));
        let mut table = all_matched && matches!(self.open, Some((_, Leaf::Table)));
        if line.is_blank() {
            self.truncate(matched);
            self.after_blank = true;
            return self.open.take().map(|(block, _)| block);
        }
        if paragraph && all_matched && line.indent() < 4 {
            let content = line.content().1;
            if self.becomes_heading(content, end) {
                return None;
            }
            if let Some(before) = self.becomes_table(content, end) {
                return before;
            }
        }

        let mut lazy = paragraph;
        let mut depth = matched;
        let mut new_item = false;
        let mut opened = None;
        loop {
            let (at, content) = line.content();
            if line.indent() > 3 {
                if !lazy && !table && !line.is_blank() {
                    opened = Some((BlockKind::Other, Leaf::Code));
                }
                break;
            }
            let in_paragraph = lazy && all_matched;
            let deepest = depth >= MAX_DEPTH;
            if !deepest && line.consume_quote() {
                self.push(&mut depth, matched, Container::Quote);
            } else if let Some((level, first, last)) = line::atx(content) {
                let title = self.title(from + at + first, from + at + last);
                opened = Some((BlockKind::Heading { level, title }, Leaf::Closed));
                break;
            } else if let Some(mark) = line::fence(content) {
                opened = Some((BlockKind::Fence, Leaf::Fence { mark }));
                break;
            } else if let Some(html) = html::start(content, !lazy && !table) {
                let rest = &self.text.as_bytes()[from + at..end];
                let leaf =
                    if html.is_in(rest, meter) { Leaf::Closed } else { Leaf::Html { end: html } };
                opened = Some((BlockKind::Other, leaf));
                break;
            } else if line::is_thematic_break(content) {
                opened = Some((BlockKind::Other, Leaf::Closed));
                break;
            } else if let Some(marker) =
                line.marker().filter(|m| !deepest && (m.interrupts || !in_paragraph))
            {
                line.consume_marker(&marker);
                let item = Container::Item { width: marker.width, empty: marker.blank };
                self.push(&mut depth, matched, item);
                new_item = true;
            } else {
                break;
            }
            // What follows a marker on its line is never the continuation of a paragraph.
            (lazy, table) = (false, false);
            if line.is_blank() {
                // A marker and nothing else.
                opened = Some((BlockKind::Other, Leaf::Closed));
                break;
            }
        }

        if opened.is_none() && lazy {
            let (at, content) = line.content();
            let place = all_matched.then_some((start, from + at));
            self.extend_paragraph(place, content, end);
            return None;
        }
        if opened.is_none()
            && table
            && let Some((block, _)) = &mut self.open
        {
            block.end = end;
            return None;
        }
        if depth == matched {
            self.truncate(matched);
        }
        let (kind, leaf) = opened.unwrap_or_else(|| {
            let (at, content) = line.content();
            let references = line::is_reference(content);
            let text = from + at;
            let paragraph = Paragraph { text, line: Some((start, text)), before: None, references };
            (BlockKind::Other, Leaf::Paragraph(paragraph))
        });
        let mut block = self.block(start, kind, new_item);
        block.end = end;
        self.open.replace((block, leaf)).map(|(block, _)| block)
    }

    /// How many of the open containers the line continues; consumes their marks.
    fn match_containers(&mut self, line: &mut Line<'_>) -> usize {
        for (depth, container) in self.containers.iter_mut().enumerate() {
            let goes_on = match container {
                Container::Quote => line.consume_quote(),
                // An item that begins with two blank lines is over.
                Container::Item { empty, .. } if line.is_blank() => !*empty,
                Container::Item { width, empty } => {
                    let inside = line.indent() >= *width;
                    if inside {
                        line.consume_columns(*width);
                        *empty = false;
                    }
                    inside
                }
            };
            if !goes_on {
                return depth;
            }
        }
        self.containers.len()
    }

    /// Takes the line into the open block if that is one whose lines are not looked into: code,
    /// HTML. Says whether it did.
    fn continue_literal<T: FnMut()>(
        &mut self,
        line: Line<'_>,
        start: usize,
        end: usize,
        from: usize,
        meter: &mut Meter<T>,
    ) -> bool {
        let Some((block, leaf)) = &mut self.open else {
            return false;
        };
        let (at, content) = line.content();
        match leaf {
            Leaf::Fence { mark } => {
                if line.indent() < 4 && line::closes_fence(content, *mark) && end - start < SEEN {
                    *leaf = Leaf::Closed;
                }
                block.end = end;
                true
            }
            Leaf::Code if line.indent() > 3 && !line.is_blank() => {
                block.end = end;
                true
            }
            // Its end stays where it is: blank lines at the end are not part of the code.
            Leaf::Code => line.is_blank(),
            Leaf::Html { end: html } if *html == End::BlankLine => {
                if line.is_blank() {
                    return false;
                }
                block.end = end;
                true
            }
            Leaf::Html { end: html } => {
                let html = *html;
                block.end = end;
                if html.is_in(&self.text.as_bytes()[(from + at).min(end)..end], meter) {
                    *leaf = Leaf::Closed;
                }
                true
            }
            Leaf::Closed | Leaf::Paragraph(_) | Leaf::Table => false,
        }
    }

    /// If the line makes a heading of the open paragraph, takes it in and says so.
    fn becomes_heading(&mut self, content: &[u8], end: usize) -> bool {
        let Some((mut block, Leaf::Paragraph(paragraph))) = self.open else { return false };
        let Some(level) = line::setext(content).filter(|_| !paragraph.references) else {
            return false;
        };
        let title = self.title(paragraph.text, block.end);
        (block.kind, block.end) = (BlockKind::Heading { level, title }, end);
        self.open = Some((block, Leaf::Closed));
        true
    }

    /// If the line makes a table's header of the last line of the open paragraph, takes it in. What
    /// there is of the paragraph before that is a block of its own.
    fn becomes_table(&mut self, content: &[u8], end: usize) -> Option<Option<Block<'t>>> {
        let (mut block, Leaf::Paragraph(paragraph)) = self.open? else { return None };
        let (start, text) = paragraph.line?;
        let header = &self.text.as_bytes()[text..block.end];
        if header.len() > SEEN || !line::is_delimiter_row(content, header) {
            return None;
        }
        let Some(before) = paragraph.before else {
            (block.kind, block.end) = (BlockKind::Table, end);
            self.open = Some((block, Leaf::Table));
            return Some(None);
        };
        block.end = before;
        let mut table = self.block(start, BlockKind::Table, false);
        table.end = end;
        self.open = Some((table, Leaf::Table));
        Some(Some(block))
    }

    fn extend_paragraph(&mut self, line: Option<(usize, usize)>, content: &[u8], end: usize) {
        if let Some((block, Leaf::Paragraph(paragraph))) = &mut self.open {
            paragraph.before = Some(block.end);
            paragraph.line = line;
            paragraph.references &= line::is_reference(content);
            block.end = end;
        }
    }

    /// A title: the text without the space around it, and not more of it than [`MAX_TITLE`] bytes.
    fn title(&self, from: usize, to: usize) -> &'t str {
        let stop = self.text.floor_char_boundary(to.min(from + MAX_TITLE));
        self.text[from..stop].trim()
    }

    fn block(&mut self, start: usize, kind: BlockKind<'t>, new_item: bool) -> Block<'t> {
        let block = Block {
            kind,
            start,
            end: start,
            after_blank: self.after_blank,
            new_item,
            items: self.kept_items,
            kept: self.kept,
            depth: self.containers.len(),
        };
        self.after_blank = false;
        self.kept = self.containers.len();
        self.kept_items = items(&self.containers);
        block
    }

    /// Opens a container inside the first `depth` ones.
    fn push(&mut self, depth: &mut usize, matched: usize, container: Container) {
        if *depth == matched {
            self.truncate(matched);
        }
        self.containers.push(container);
        *depth += 1;
    }

    fn truncate(&mut self, depth: usize) {
        self.containers.truncate(depth);
        self.kept = self.kept.min(depth);
        self.kept_items = self.kept_items.min(items(&self.containers));
    }
}

fn items(containers: &[Container]) -> usize {
    containers.iter().filter(|c| matches!(c, Container::Item { .. })).count()
}

/// The end of the front matter (YAML between two lines `---`, at the very start) and where the text
/// goes on after it.
fn front_matter<T: FnMut()>(text: &str, meter: &mut Meter<T>) -> Option<(usize, usize)> {
    let is_rule = |line: &str| line.trim_end_matches([' ', '\t']) == "---";
    let mut at = if text.starts_with('\u{FEFF}') { 3 } else { 0 };
    let mut first = true;
    while at < text.len() {
        let end = find_newline(text, at, text.len(), meter).unwrap_or(text.len());
        meter.work(16);
        let rule = end - at < SEEN && is_rule(&text[at..end]);
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
