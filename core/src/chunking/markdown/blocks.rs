//! Block structure of Markdown (CommonMark with GFM's tables), one line at a time.
//!
//! A block has only what the cutter needs: range, kind, and the list items around it. Blocks come
//! in order, without gaps except blank lines. Memory is constant: at most [`MAX_DEPTH`] containers
//! (block quotes, list items) are open; deeper markers are text.

use super::super::chars::char_at;
use super::super::meter::Meter;
use super::super::space::{after_newline, find_newline};
use super::containers::{Container, Containers, MAX_DEPTH};
use super::front_matter::front_matter;
use super::html::{self, End};
use super::line::{self, LineCursor, MAX_LINE};

/// Size limit of a title, in bytes. A longer title would be repeated in every chunk of its section.
const MAX_TITLE: usize = 1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockKind<'t> {
    Heading {
        level: u8,
        title: &'t str,
    },
    Fence,
    Table,
    /// Everything else: paragraphs, indented code, HTML, thematic breaks, list items that begin
    /// with a blank line.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block<'t> {
    pub(super) kind: BlockKind<'t>,
    /// Start of the first line, with the markers of containers.
    pub(super) start: usize,
    /// End of the last line, without the line break.
    pub(super) end: usize,
    /// True if there is a blank line before the block.
    pub(super) after_blank: bool,
    /// True if the block begins with a list item's marker.
    pub(super) new_item: bool,
    /// Number of list items that contain both this block and the block before it.
    pub(super) items: usize,
    /// Number of containers that contain both this block and the block before it.
    pub(super) kept: usize,
    /// Number of containers around the block.
    pub(super) depth: usize,
}

/// Ways in which the open block can continue.
#[derive(Clone, Copy, Debug)]
enum Leaf {
    /// Ended.
    Closed,
    Paragraph(Paragraph),
    Fence {
        fence: (u8, usize),
    },
    Code,
    Html {
        end: End,
    },
    Table,
}

/// Paragraph that a later line can turn into a heading, or whose last line it can turn into the
/// header of a table.
#[derive(Clone, Copy, Debug)]
struct Paragraph {
    /// Start of the text.
    text: usize,
    /// Start of the last line, and of its text. None for a lazy continuation.
    line: Option<(usize, usize)>,
    /// End of the line before the last.
    before: Option<usize>,
    /// True if each line looks like a reference definition.
    references: bool,
}

/// Line of the text.
struct TextLine<'t> {
    start: usize,
    /// End without the line break.
    end: usize,
    /// Start without a byte order mark.
    from: usize,
    cursor: LineCursor<'t>,
}

/// Containers and block that a line opens.
struct Opening<'t> {
    /// True if the line may continue the open paragraph.
    lazy: bool,
    /// True if the line may be a row of the open table.
    table: bool,
    /// True if the line has a list item's marker.
    new_item: bool,
    /// Block that begins at the line, unless it is a paragraph.
    leaf: Option<(BlockKind<'t>, Leaf)>,
}

pub(super) struct Blocks<'t> {
    text: &'t str,
    /// Start of the next line.
    at: usize,
    containers: Containers,
    open: Option<(Block<'t>, Leaf)>,
    after_blank: bool,
}

impl<'t> Blocks<'t> {
    pub(super) fn new<T: FnMut()>(text: &'t str, meter: &mut Meter<T>) -> Self {
        let mut blocks = Blocks {
            text,
            at: 0,
            containers: Containers::default(),
            open: None,
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

    /// Returns the next block.
    pub(super) fn next<T: FnMut()>(&mut self, meter: &mut Meter<T>) -> Option<Block<'t>> {
        while self.at < self.text.len() {
            let start = self.at;
            let end =
                find_newline(self.text, start, self.text.len(), meter).unwrap_or(self.text.len());
            meter.work(16 + 16 * self.containers.depth());
            self.at = if end < self.text.len() { after_newline(self.text, end) } else { end };
            if let Some(block) = self.take_line(start, end, meter) {
                return Some(block);
            }
        }
        self.open.take().map(|(block, _)| block)
    }

    /// Takes in a line. Returns the open block if the line does not belong to it.
    fn take_line<T: FnMut()>(
        &mut self,
        start: usize,
        end: usize,
        meter: &mut Meter<T>,
    ) -> Option<Block<'t>> {
        let bom = if start == 0 && char_at(self.text, 0) == Some('\u{FEFF}') { 3 } else { 0 };
        let from = start + bom;
        let cursor = LineCursor::new(&self.text.as_bytes()[from..end]);
        let mut line = TextLine { start, end, from, cursor };
        let matched = self.containers.match_line(&mut line.cursor);
        let all_matched = matched == self.containers.depth();

        if all_matched && self.continue_literal(&line, meter) {
            return None;
        }
        if line.cursor.is_blank() {
            self.containers.truncate(matched);
            self.after_blank = true;
            return self.open.take().map(|(block, _)| block);
        }
        let paragraph = matches!(self.open, Some((_, Leaf::Paragraph(_))));
        if paragraph && all_matched && line.cursor.indent() < 4 {
            let content = line.cursor.content().1;
            if self.becomes_heading(content, end) {
                return None;
            }
            if let Some(before) = self.becomes_table(content, end) {
                return before;
            }
        }

        let table = all_matched && matches!(self.open, Some((_, Leaf::Table)));
        let mut opening = Opening { lazy: paragraph, table, new_item: false, leaf: None };
        let depth = self.open_containers(&mut line, matched, &mut opening, meter);
        if opening.leaf.is_none() && opening.lazy {
            let (at, content) = line.cursor.content();
            let own = all_matched.then_some((start, from + at));
            self.extend_paragraph(own, content, end);
            return None;
        }
        if opening.leaf.is_none()
            && opening.table
            && let Some((block, _)) = &mut self.open
        {
            block.end = end;
            return None;
        }
        if depth == matched {
            self.containers.truncate(matched);
        }
        self.begin(&line, opening)
    }

    /// Opens the containers whose markers the line has, and finds the block that begins inside
    /// them. Returns the number of containers that the line is in.
    fn open_containers<T: FnMut()>(
        &mut self,
        line: &mut TextLine<'t>,
        matched: usize,
        opening: &mut Opening<'t>,
        meter: &mut Meter<T>,
    ) -> usize {
        let all_matched = matched == self.containers.depth();
        let mut depth = matched;
        loop {
            let continues = opening.lazy || opening.table;
            if line.cursor.indent() > 3 {
                if !continues && !line.cursor.is_blank() {
                    opening.leaf = Some((BlockKind::Other, Leaf::Code));
                }
                return depth;
            }
            let in_paragraph = opening.lazy && all_matched;
            let deepest = depth >= MAX_DEPTH;
            if !deepest && line.cursor.consume_quote() {
                self.containers.push(&mut depth, matched, Container::Quote);
            } else if let Some(leaf) = self.leaf_at(line, continues, meter) {
                opening.leaf = Some(leaf);
                return depth;
            } else if let Some(marker) =
                line.cursor.marker().filter(|m| !deepest && (m.interrupts || !in_paragraph))
            {
                line.cursor.consume_marker(&marker);
                let item = Container::Item { width: marker.width, empty: marker.blank };
                self.containers.push(&mut depth, matched, item);
                opening.new_item = true;
            } else {
                return depth;
            }
            // Text after a marker on the same line never continues a paragraph.
            (opening.lazy, opening.table) = (false, false);
            if line.cursor.is_blank() {
                // A marker without text.
                opening.leaf = Some((BlockKind::Other, Leaf::Closed));
                return depth;
            }
        }
    }

    /// The heading, fence, HTML block or thematic break that begins at the line's content. In a
    /// paragraph or table that `continues`, a tag of no particular element begins no HTML block.
    fn leaf_at<T: FnMut()>(
        &self,
        line: &TextLine<'t>,
        continues: bool,
        meter: &mut Meter<T>,
    ) -> Option<(BlockKind<'t>, Leaf)> {
        let (at, content) = line.cursor.content();
        let at = line.from + at;
        if let Some((level, first, last)) = line::atx(content) {
            let title = self.title(at + first, at + last);
            return Some((BlockKind::Heading { level, title }, Leaf::Closed));
        }
        if let Some(fence) = line::fence(content) {
            return Some((BlockKind::Fence, Leaf::Fence { fence }));
        }
        if let Some(html) = html::start(content, !continues) {
            let rest = &self.text.as_bytes()[at..line.end];
            let leaf =
                if html.is_in(rest, meter) { Leaf::Closed } else { Leaf::Html { end: html } };
            return Some((BlockKind::Other, leaf));
        }
        line::is_thematic_break(content).then_some((BlockKind::Other, Leaf::Closed))
    }

    /// Begins a block with the line: the one it opens, or else a paragraph. Returns the block that
    /// was open before.
    fn begin(&mut self, line: &TextLine<'t>, opening: Opening<'t>) -> Option<Block<'t>> {
        let (kind, leaf) = opening.leaf.unwrap_or_else(|| {
            let (at, content) = line.cursor.content();
            let references = line::is_reference(content);
            let text = line.from + at;
            let own = Some((line.start, text));
            let paragraph = Paragraph { text, line: own, before: None, references };
            (BlockKind::Other, Leaf::Paragraph(paragraph))
        });
        let mut block = self.block(line.start, kind, opening.new_item);
        block.end = line.end;
        self.open.replace((block, leaf)).map(|(block, _)| block)
    }

    /// Adds the line to the open block if that is code or HTML, whose lines are not parsed. True if
    /// it did.
    fn continue_literal<T: FnMut()>(&mut self, line: &TextLine<'t>, meter: &mut Meter<T>) -> bool {
        let Some((block, leaf)) = &mut self.open else {
            return false;
        };
        let &TextLine { start, end, from, cursor } = line;
        let (at, content) = cursor.content();
        match leaf {
            Leaf::Fence { fence } => {
                if cursor.indent() < 4
                    && line::closes_fence(content, *fence)
                    && end - start < MAX_LINE
                {
                    *leaf = Leaf::Closed;
                }
                block.end = end;
                true
            }
            Leaf::Code if cursor.indent() > 3 && !cursor.is_blank() => {
                block.end = end;
                true
            }
            // The end stays: blank lines at the end are not part of the code.
            Leaf::Code => cursor.is_blank(),
            Leaf::Html { end: html } if *html == End::BlankLine => {
                if cursor.is_blank() {
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

    /// Turns the open paragraph into a heading if the line is its underline. True if it did.
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

    /// Turns the last line of the open paragraph into the header of a table if the line is a
    /// delimiter row. The lines before the header become a block, which is returned.
    fn becomes_table(&mut self, content: &[u8], end: usize) -> Option<Option<Block<'t>>> {
        let (mut block, Leaf::Paragraph(paragraph)) = self.open? else { return None };
        let (start, text) = paragraph.line?;
        let header = &self.text.as_bytes()[text..block.end];
        if header.len() > MAX_LINE || !line::is_delimiter_row(content, header) {
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

    /// Trimmed title, up to [`MAX_TITLE`] bytes.
    fn title(&self, from: usize, to: usize) -> &'t str {
        let stop = self.text.floor_char_boundary(to.min(from + MAX_TITLE));
        self.text[from..stop].trim()
    }

    fn block(&mut self, start: usize, kind: BlockKind<'t>, new_item: bool) -> Block<'t> {
        let (kept, items) = self.containers.begin_block();
        let block = Block {
            kind,
            start,
            end: start,
            after_blank: self.after_blank,
            new_item,
            items,
            kept,
            depth: self.containers.depth(),
        };
        self.after_blank = false;
        block
    }
}
