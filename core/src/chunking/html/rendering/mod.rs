//! The text of a page as a reader sees it: without what is hidden, white space collapsed, blocks set
//! apart. All of it but white space is from the page.
//!
//! Elements that are open are counted, and that is all that is known of them: which one an end tag
//! ends, and where one ends without, is told by the tag alone.

mod preformatted;

use super::boundaries::{HtmlBoundaries, LineNumber};
use super::elements::{Element, Hidden, Raw};
use super::markup::{Markup, Token, is_space};
use super::references::Characters;
use super::sources::Sources;
use crate::chunking::boundary::{LINE, SECTION, item_rank, paragraph_rank};

/// Of rows inside rows, no more than so many are kept whole.
const MAX_ROWS: usize = 64;
const MAX_TABS: usize = 255;

/// The end of a page's text, as far as it was read, and what is to know to go on from there.
pub(super) struct Rendering {
    pub(super) text: String,
    pub(super) sources: Sources,
    /// Of a longer run of white space no more is kept. It is no part of a chunk anyway.
    most_space: usize,
    /// How long the white space at the end of the text is.
    space: usize,
    /// Whether there is any text.
    begun: bool,
    gap: Gap,
    /// How many lists and tables are open, and the least of it since the last text.
    depth: usize,
    kept: usize,
    /// How many `pre` are open.
    pre: usize,
    /// The element that hides what is read, and how many of its name are open.
    hidden: Option<(Hidden, usize)>,
    /// The heading to which the last text belongs.
    heading: Option<LineNumber>,
    /// The open rows, and how many lists and tables each is in.
    rows: Vec<(usize, LineNumber)>,
    row_has_text: bool,
    /// The `pre` and the line of it to which the last text belongs.
    block: Option<LineNumber>,
    line: PreLine,
}

/// What comes between the last text and the next.
#[derive(Default)]
struct Gap {
    newlines: usize,
    tabs: usize,
    /// Where the first white space is.
    space: Option<Origin>,
    /// Whether a cell begins here: its own blocks do not set it apart from the cell before it.
    in_cell: bool,
    new_item: bool,
    heading: Option<u8>,
    whole: Option<Whole>,
}

#[derive(Clone, Copy)]
enum Whole {
    /// A row in so many lists and tables.
    Row(usize),
    Pre,
}

/// A line of what keeps its white space.
#[derive(Default)]
struct PreLine {
    start: usize,
    /// The line, once there is more to it than white space.
    number: Option<LineNumber>,
    /// Whether the line before it is blank.
    after_blank: bool,
    /// Whether a line break here is left out, because a start tag is before it.
    skip_newline: bool,
}

impl Rendering {
    pub(super) fn new(most_space: usize) -> Self {
        Rendering {
            text: String::new(),
            sources: Sources::default(),
            most_space,
            space: 0,
            begun: false,
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

    /// Forgets the first bytes of the text.
    pub(super) fn drop_front(&mut self, by: usize) {
        self.text.drain(..by);
        self.sources.drop_front(by);
        self.line.start = self.line.start.saturating_sub(by);
    }

    pub(super) fn take(
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
            // These are never in an image: its end tag is missing.
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
                self.take(token, markup, boundaries);
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
            Element::Block => self.apart(2, boundaries),
            Element::Line => self.apart(1, boundaries),
            Element::Break if self.gap.in_cell => {}
            Element::Break => self.gap.newlines = (self.gap.newlines + 1).min(2),
            Element::Heading(level) => {
                self.gap.in_cell = false;
                self.apart(2, boundaries);
                self.gap.heading = Some(level);
            }
            Element::List => {
                self.apart(if self.depth > 0 { 1 } else { 2 }, boundaries);
                self.depth += 1;
            }
            Element::Item => {
                self.apart(1, boundaries);
                self.item();
            }
            Element::Table => {
                self.apart(2, boundaries);
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
            Element::Block => self.apart(2, boundaries),
            Element::Line | Element::Item => self.apart(1, boundaries),
            // As a start tag.
            Element::Break => self.gap.newlines = (self.gap.newlines + 1).min(2),
            Element::Heading(_) => {
                self.gap.heading = None;
                self.apart(2, boundaries);
            }
            Element::List => {
                self.depth = self.depth.saturating_sub(1);
                self.kept = self.kept.min(self.depth);
                self.apart(if self.depth > 0 { 1 } else { 2 }, boundaries);
            }
            Element::Table => {
                self.end_row(boundaries);
                self.depth = self.depth.saturating_sub(1);
                self.kept = self.kept.min(self.depth);
                self.apart(2, boundaries);
            }
            Element::Row => self.end_row(boundaries),
            Element::Pre => self.end_pre(boundaries),
            Element::Raw(Raw::TextArea | Raw::Xmp | Raw::PlainText) => self.end_pre(boundaries),
            Element::Raw(_) => {}
        }
    }

    /// Ends the line and, if two, the paragraph.
    fn apart(&mut self, newlines: usize, boundaries: &mut HtmlBoundaries) {
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
        self.apart(0, boundaries);
        if self.row_has_text {
            let tabs = self.gap.tabs.min(MAX_TABS - 1) + 1;
            self.gap = Gap { tabs, ..Gap::default() };
        }
        self.gap.in_cell = true;
    }

    /// Ends the row, if one is open, and those inside it.
    fn end_row(&mut self, boundaries: &mut HtmlBoundaries) {
        while let Some((_, row)) = self.rows.pop_if(|(depth, _)| *depth >= self.depth) {
            boundaries.end(row, self.text.len());
        }
        self.gap.in_cell = false;
        if std::mem::take(&mut self.row_has_text) {
            // What is in its last cell does not set it apart from the next row.
            self.gap.newlines = 1;
        }
        self.apart(1, boundaries);
    }

    fn source_text(
        &mut self,
        source: &str,
        (from, to): (usize, usize),
        boundaries: &mut HtmlBoundaries,
    ) {
        if self.pre > 0 {
            return self.keep(&source[from..to], Origin::Same(from), boundaries);
        }
        let bytes = source.as_bytes();
        let mut at = from;
        while at < to {
            let start = at;
            at += bytes[at..to].iter().take_while(|&&b| is_space(b)).count();
            if at > start {
                self.gap.space.get_or_insert(Origin::Same(start));
            }
            // As long as white space is one space it is as it stands in the source.
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
            self.keep(characters, Origin::Reference(range), boundaries);
        } else if characters.bytes().all(is_space) {
            self.gap.space.get_or_insert(Origin::Reference(range));
        } else if !self.is_surplus(characters) {
            self.fill_gap(range.0, boundaries);
            self.push(characters, Origin::Reference(range));
        }
    }

    /// Adds what sets the next text, which is from here in the source, apart from the last.
    fn fill_gap(&mut self, source: usize, boundaries: &mut HtmlBoundaries) {
        let Gap { newlines, tabs, space, in_cell: _, new_item, heading, whole } =
            std::mem::take(&mut self.gap);
        self.row_has_text = true;
        let kept = std::mem::replace(&mut self.kept, self.depth);
        if self.begun && newlines == 0 {
            if tabs > 0 {
                // A chunk can begin with them, in a line of code.
                self.sources.push_whole(self.text.len(), (source, source));
                self.text.extend(std::iter::repeat_n('\t', tabs));
                self.space += tabs;
            } else if let Some(space) = space {
                self.push(" ", space);
            }
            return;
        }
        self.end_line(boundaries);
        if self.begun {
            self.text.push_str(&"\n\n"[..newlines]);
            self.space += newlines;
        }
        self.begun = true;
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
            // What has a section in it is not kept whole.
            self.rows.clear();
            self.block = None;
        }
        match whole {
            Some(Whole::Row(depth)) if self.rows.len() < MAX_ROWS => {
                self.rows.push((depth, number))
            }
            Some(Whole::Pre) => self.block = Some(number),
            _ => {}
        }
    }

    /// Whether this is more white space than is kept.
    fn is_surplus(&self, text: &str) -> bool {
        self.space > self.most_space && text.trim_start().is_empty()
    }

    /// Adds to the text.
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

/// Where in the source text comes from.
#[derive(Clone, Copy)]
enum Origin {
    /// It stands there from here on.
    Same(usize),
    Reference((usize, usize)),
}

impl Origin {
    /// Of what is left of the text after so much of it.
    fn after(self, skipped: usize) -> Self {
        match self {
            Origin::Same(from) => Origin::Same(from + skipped),
            Origin::Reference(_) => self,
        }
    }

    fn start(self) -> usize {
        match self {
            Origin::Same(from) | Origin::Reference((from, _)) => from,
        }
    }
}

/// Whether this begins with a space, and more than white space follows.
fn is_single_space(bytes: &[u8]) -> bool {
    matches!(bytes, [b' ', next, ..] if !is_space(*next))
}
