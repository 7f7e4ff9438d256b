//! Rendered text of a page: hidden elements left out, white space collapsed, blocks separated. All
//! characters but white space are from the page.
//!
//! There is no tree: open elements are only counted. A tag alone decides which element it closes.

mod gap;
mod origin;
mod preformatted;

use gap::{Gap, Whole};
use origin::Origin;

use super::boundaries::{HtmlBoundaries, LineNumber};
use super::elements::{Element, Hidden, Raw};
use super::markup::{Markup, Token, is_space};
use super::references::Characters;
use super::sources::Sources;
use crate::chunking::boundary::{LINE, SECTION, item_rank, paragraph_rank};

/// Open rows that may be kept whole, at most: rows can be inside rows.
const MAX_ROWS: usize = 64;
const MAX_TABS: usize = 255;

/// End of the rendered text as far as the page was read, and the state to continue from there.
pub(super) struct Rendering {
    pub(super) text: String,
    pub(super) sources: Sources,
    /// Bytes of white space in a row that are kept, about. No chunk contains more.
    max_space: usize,
    /// Bytes of white space at the end of the text.
    space: usize,
    /// True once there is text.
    has_text: bool,
    gap: Gap,
    /// Open lists and tables, and the least number of them since the last text.
    depth: usize,
    kept: usize,
    /// Open `pre` elements.
    pre: usize,
    /// Element that hides the text, and the number of open elements of its name.
    hidden: Option<(Hidden, usize)>,
    /// Heading that the last text belongs to.
    heading: Option<LineNumber>,
    /// Open rows, each with the number of lists and tables around it.
    rows: Vec<(usize, LineNumber)>,
    row_has_text: bool,
    /// Preformatted block that the last text belongs to.
    block: Option<LineNumber>,
    line: PreLine,
}

/// Line of preformatted text.
#[derive(Default)]
struct PreLine {
    start: usize,
    /// Number of the line, once it has more than white space.
    number: Option<LineNumber>,
    /// True if the line before is blank.
    after_blank: bool,
    /// True right after a start tag, where a line break is left out.
    skip_newline: bool,
}

impl Rendering {
    pub(super) fn new(max_space: usize) -> Self {
        Rendering {
            text: String::new(),
            sources: Sources::default(),
            max_space,
            space: 0,
            has_text: false,
            gap: Gap::default(),
            depth: 0,
            kept: 0,
            pre: 0,
            hidden: None,
            heading: None,
            rows: Vec::new(),
            row_has_text: false,
            block: None,
            line: PreLine::default(),
        }
    }

    /// Drops the first `by` bytes of the text.
    pub(super) fn drop_front(&mut self, by: usize) {
        self.text.drain(..by);
        self.sources.drop_front(by);
        self.line.start = self.line.start.saturating_sub(by);
    }

    pub(super) fn add(
        &mut self,
        token: Token,
        markup: &mut Markup<'_>,
        boundaries: &mut HtmlBoundaries,
    ) {
        if self.hidden.is_some() {
            return self.take_hidden(token, markup, boundaries);
        }
        if matches!(token, Token::Start(..) | Token::End(_)) {
            self.line.skip_newline = false;
        }
        match token {
            Token::Text(from, to) => self.source_text(markup.source(), (from, to), boundaries),
            Token::Reference(from, to, characters) => {
                let mut buffer = [0; 4];
                let characters = match characters {
                    Characters::One(char) => char.encode_utf8(&mut buffer),
                    Characters::Named(named) => named,
                };
                self.reference((from, to), characters, boundaries);
            }
            Token::Start(element, closed) => self.start(element, closed, markup, boundaries),
            Token::End(element) => self.end(element, boundaries),
        }
    }

    fn take_hidden(
        &mut self,
        token: Token,
        markup: &mut Markup<'_>,
        boundaries: &mut HtmlBoundaries,
    ) {
        let Some((hidden, open)) = &mut self.hidden else { return };
        let in_svg = *hidden == Hidden::Svg;
        match token {
            Token::Start(Element::Raw(raw), closed) if !(closed && in_svg) => markup.enter(raw),
            Token::Start(Element::Hidden(inner), closed) if inner == *hidden => {
                *open += usize::from(!(closed && in_svg));
            }
            Token::End(Element::Hidden(inner)) if inner == *hidden => {
                *open -= 1;
                if *open == 0 {
                    self.hidden = None;
                }
            }
            // An SVG image cannot contain these: its end tag is missing.
            Token::Start(
                Element::Block
                | Element::Break
                | Element::Heading(_)
                | Element::List
                | Element::Item
                | Element::Pre
                | Element::Table,
                _,
            ) if in_svg => {
                self.hidden = None;
                self.add(token, markup, boundaries);
            }
            _ => {}
        }
    }

    fn start(
        &mut self,
        element: Element,
        closed: bool,
        markup: &mut Markup<'_>,
        boundaries: &mut HtmlBoundaries,
    ) {
        match element {
            Element::Inline => {}
            Element::Block => self.separate(2, boundaries),
            Element::Line => self.separate(1, boundaries),
            Element::Break if self.gap.in_cell => {}
            Element::Break => self.gap.newlines = (self.gap.newlines + 1).min(2),
            Element::Heading(level) => {
                self.gap.in_cell = false;
                self.separate(2, boundaries);
                self.gap.heading = Some(level);
            }
            Element::List => {
                self.separate(if self.depth > 0 { 1 } else { 2 }, boundaries);
                self.depth += 1;
            }
            Element::Item => {
                self.separate(1, boundaries);
                self.item();
            }
            Element::Table => {
                self.separate(2, boundaries);
                self.depth += 1;
                self.row_has_text = false;
            }
            Element::Row => {
                self.end_row(boundaries);
                self.item();
                self.gap.whole = Some(Whole::Row(self.depth));
            }
            Element::Cell => self.cell(boundaries),
            Element::Pre => {
                self.begin_pre(boundaries);
                self.pre += 1;
            }
            Element::Raw(raw) => {
                markup.enter(raw);
                if matches!(raw, Raw::TextArea | Raw::Xmp | Raw::PlainText) {
                    self.begin_pre(boundaries);
                    self.pre += 1;
                    self.line.skip_newline = raw == Raw::TextArea;
                }
            }
            Element::Hidden(Hidden::Svg) if closed => {}
            Element::Hidden(hidden) => self.hidden = Some((hidden, 1)),
        }
    }

    fn end(&mut self, element: Element, boundaries: &mut HtmlBoundaries) {
        match element {
            Element::Inline | Element::Cell | Element::Hidden(_) => {}
            Element::Block => self.separate(2, boundaries),
            Element::Line | Element::Item => self.separate(1, boundaries),
            // HTML reads `</br>` as `<br>`.
            Element::Break => self.gap.newlines = (self.gap.newlines + 1).min(2),
            Element::Heading(_) => {
                self.gap.heading = None;
                self.separate(2, boundaries);
            }
            Element::List => {
                self.depth = self.depth.saturating_sub(1);
                self.kept = self.kept.min(self.depth);
                self.separate(if self.depth > 0 { 1 } else { 2 }, boundaries);
            }
            Element::Table => {
                self.end_row(boundaries);
                self.depth = self.depth.saturating_sub(1);
                self.kept = self.kept.min(self.depth);
                self.separate(2, boundaries);
            }
            Element::Row => self.end_row(boundaries),
            Element::Pre => self.end_pre(boundaries),
            Element::Raw(Raw::TextArea | Raw::Xmp | Raw::PlainText) => self.end_pre(boundaries),
            Element::Raw(_) => {}
        }
    }

    /// Ends the line (1) or the paragraph (2).
    fn separate(&mut self, newlines: usize, boundaries: &mut HtmlBoundaries) {
        if let Some(heading) = self.heading.take() {
            boundaries.end(heading, self.text.len());
        }
        if !self.gap.in_cell {
            self.gap.newlines = self.gap.newlines.max(newlines);
        }
    }

    fn item(&mut self) {
        self.kept = self.kept.min(self.depth.saturating_sub(1));
        self.gap.new_item = true;
    }

    fn cell(&mut self, boundaries: &mut HtmlBoundaries) {
        self.gap.in_cell = false;
        self.separate(0, boundaries);
        if self.row_has_text {
            let tabs = self.gap.tabs.min(MAX_TABS - 1) + 1;
            self.gap = Gap { tabs, ..Gap::default() };
        }
        self.gap.in_cell = true;
    }

    /// Ends the open row and the rows inside it.
    fn end_row(&mut self, boundaries: &mut HtmlBoundaries) {
        while let Some((_, row)) = self.rows.pop_if(|(depth, _)| *depth >= self.depth) {
            boundaries.end(row, self.text.len());
        }
        self.gap.in_cell = false;
        if std::mem::take(&mut self.row_has_text) {
            // Blocks in the last cell do not separate the row from the next one.
            self.gap.newlines = 1;
        }
        self.separate(1, boundaries);
    }

    fn source_text(
        &mut self,
        source: &str,
        (from, to): (usize, usize),
        boundaries: &mut HtmlBoundaries,
    ) {
        if self.pre > 0 {
            return self.add_preformatted(&source[from..to], Origin::Same(from), boundaries);
        }
        let bytes = source.as_bytes();
        let mut at = from;
        while at < to {
            let start = at;
            at += bytes[at..to].iter().take_while(|&&b| is_space(b)).count();
            if at > start {
                self.gap.space.get_or_insert(Origin::Same(start));
            }
            // Single spaces are copied with the text around them.
            let start = at;
            while at < to && (!is_space(bytes[at]) || is_single_space(&bytes[at..to])) {
                at += 1;
            }
            if at > start && !self.is_surplus(&source[start..at]) {
                self.fill_gap(start, boundaries);
                self.push(&source[start..at], Origin::Same(start));
            }
        }
    }

    fn reference(
        &mut self,
        range: (usize, usize),
        characters: &str,
        boundaries: &mut HtmlBoundaries,
    ) {
        if self.pre > 0 {
            self.add_preformatted(characters, Origin::Reference(range), boundaries);
        } else if characters.bytes().all(is_space) {
            self.gap.space.get_or_insert(Origin::Reference(range));
        } else if !self.is_surplus(characters) {
            self.fill_gap(range.0, boundaries);
            self.push(characters, Origin::Reference(range));
        }
    }

    /// Adds the separation before the next text, which is at `source`.
    fn fill_gap(&mut self, source: usize, boundaries: &mut HtmlBoundaries) {
        let Gap { newlines, tabs, space, in_cell: _, new_item, heading, whole } =
            std::mem::take(&mut self.gap);
        self.row_has_text = true;
        let kept = std::mem::replace(&mut self.kept, self.depth);
        if self.has_text && newlines == 0 {
            if tabs > 0 {
                // A chunk can begin with tabs, in a line of code.
                self.sources.push_whole(self.text.len(), (source, source));
                self.text.extend(std::iter::repeat_n('\t', tabs));
                self.space += tabs;
            } else if let Some(space) = space {
                self.push(" ", space);
            }
            return;
        }
        self.end_line(boundaries);
        if self.has_text {
            self.text.push_str(&"\n\n"[..newlines]);
            self.space += newlines;
        }
        self.has_text = true;
        self.line = PreLine { start: self.text.len(), ..PreLine::default() };
        let rank = match newlines {
            _ if heading.is_some() => SECTION,
            2.. => paragraph_rank(kept),
            _ if new_item => item_rank(kept),
            _ => LINE,
        };
        let number = boundaries.push(self.text.len(), rank, heading);
        if heading.is_some() {
            self.heading = Some(number);
            // A block that contains a heading is not kept whole: its end would overwrite the heading's.
            self.rows.clear();
            self.block = None;
            return;
        }
        match whole {
            Some(Whole::Row(depth)) if self.rows.len() < MAX_ROWS => {
                self.rows.push((depth, number))
            }
            Some(Whole::Pre) => self.block = Some(number),
            _ => {}
        }
    }

    /// True if the text is white space beyond the limit.
    fn is_surplus(&self, text: &str) -> bool {
        self.space > self.max_space && text.trim_start().is_empty()
    }

    /// Appends text.
    fn push(&mut self, text: &str, origin: Origin) {
        let kept = text.trim_end().len();
        if kept > 0 {
            self.space = 0;
        }
        self.space += text.len() - kept;
        match origin {
            Origin::Same(from) => self.sources.push(self.text.len(), from),
            Origin::Reference(range) => self.sources.push_whole(self.text.len(), range),
        }
        self.text.push_str(text);
    }
}

/// True if the text is one space and then no white space.
fn is_single_space(bytes: &[u8]) -> bool {
    matches!(bytes, [b' ', next, ..] if !is_space(*next))
}
