//! Boundaries of a page, as far as it was read.

use std::collections::VecDeque;
use std::rc::Rc;

use super::super::boundary::Boundary;
use super::super::headings::{Heading, HeadingPath};
use super::super::measure::Measure;
use super::super::meter::Meter;
use super::super::space::trim_end;

/// Size limit of a title, in bytes. A longer title would be repeated in every chunk of its section.
const MAX_TITLE: usize = 1000;
/// Bytes of a heading's text that its title is made of. They can contain white space.
pub(super) const TITLE_SOURCE: usize = 4 * MAX_TITLE;

/// Lines of the text, in order. A line is taken out only when as much text was read after it as
/// fits in a chunk: then it is known if its block is kept whole.
#[derive(Default)]
pub(in crate::chunking) struct HtmlBoundaries {
    lines: VecDeque<PageLine>,
    /// Number of lines taken out.
    pulled: usize,
    /// End of the block that is kept whole: no boundary before it.
    whole_to: usize,
    path: HeadingPath,
}

struct PageLine {
    at: usize,
    rank: usize,
    /// Level, if the line is a heading.
    heading: Option<u8>,
    /// End of the heading, or of the block to keep whole if it fits in a chunk.
    end: Option<usize>,
}

/// Number of a line, counted from the first of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LineNumber(usize);

impl HtmlBoundaries {
    /// Adds a line at the end of the text.
    pub(super) fn push(&mut self, at: usize, rank: usize, heading: Option<u8>) -> LineNumber {
        self.lines.push_back(PageLine { at, rank, heading, end: None });
        LineNumber(self.pulled + self.lines.len() - 1)
    }

    /// Sets the end of a heading, or of a block to keep whole.
    pub(super) fn end(&mut self, number: LineNumber, at: usize) {
        if let Some(line) = number.0.checked_sub(self.pulled).and_then(|n| self.lines.get_mut(n)) {
            line.end = Some(at);
        }
    }

    /// Adjusts positions after the first `by` bytes of the text were dropped.
    pub(in crate::chunking) fn drop_front(&mut self, by: usize) {
        for line in &mut self.lines {
            line.at = line.at.saturating_sub(by);
            line.end = line.end.map(|end| end.saturating_sub(by));
        }
        self.whole_to = self.whole_to.saturating_sub(by);
        self.path.since = self.path.since.saturating_sub(by);
    }

    /// Returns the next boundary, if it is at `to` or before.
    pub(in crate::chunking) fn next<T: FnMut()>(
        &mut self,
        to: usize,
        text: &str,
        measure: &mut Measure,
        meter: &mut Meter<T>,
    ) -> Option<Boundary> {
        loop {
            let PageLine { at, rank, heading, end } =
                self.lines.pop_front_if(|line| line.at <= to)?;
            self.pulled += 1;
            meter.work(16);
            if let Some(level) = heading {
                self.enter(at, level, title(text, at, end));
            }
            if at < self.whole_to {
                continue;
            }
            let end = end.filter(|_| heading.is_none());
            // White space at the end of the page is trimmed.
            let end = end.map(|end| trim_end(text, at, end.clamp(at, text.len()), meter).0);
            let solid = end.is_some_and(|end| measure.fits(text, at, end, meter));
            if solid {
                self.whole_to = end.unwrap_or(at);
            }
            return Some(Boundary { at, rank, solid, path: self.path.clone() });
        }
    }

    /// Updates the headings for a new one.
    fn enter(&mut self, at: usize, level: u8, title: Rc<str>) {
        let mut outer = self.path.innermost.clone();
        while let Some(heading) = outer.take_if(|heading| heading.level >= level) {
            outer = heading.outer.clone();
        }
        let heading = Heading { title, level, depth: 0, outer };
        self.path = HeadingPath { innermost: Some(Rc::new(heading)), since: at };
    }
}

/// Text of a heading on one line, up to [`MAX_TITLE`] bytes.
fn title(text: &str, at: usize, end: Option<usize>) -> Rc<str> {
    let seen = text.floor_char_boundary((at + TITLE_SOURCE).min(text.len()));
    let words = text[at..end.map_or(seen, |end| end.min(seen))].split_whitespace();
    let mut title = words.collect::<Vec<_>>().join(" ");
    title.truncate(title.floor_char_boundary(MAX_TITLE));
    title.truncate(title.trim_end().len());
    title.into()
}
