//! Where the text of a page can be cut, as far as it was read.

use std::collections::VecDeque;
use std::rc::Rc;

use super::super::boundary::Boundary;
use super::super::headings::{Heading, Path};
use super::super::measure::Measure;
use super::super::meter::Meter;
use super::super::space::trim_end;

/// A title of unbounded length would be repeated in every chunk of its section.
const MAX_TITLE: usize = 1000;
/// How much of a heading's text is looked at for its title. White space can be kept in it.
pub(super) const TITLE_SEEN: usize = 4 * MAX_TITLE;

/// The lines of the text, in order. Whether one is kept whole is found out when it is pulled: then
/// as much text was read after it as fits in a chunk.
#[derive(Default)]
pub(in crate::chunking) struct HtmlBoundaries {
    lines: VecDeque<PageLine>,
    /// How many lines were pulled.
    pulled: usize,
    /// Up to here no line begins, because what is before it is kept whole.
    whole_to: usize,
    path: Path,
}

struct PageLine {
    at: usize,
    rank: usize,
    /// The level of the heading that it is.
    heading: Option<u8>,
    /// Where the heading ends, or else what is kept whole if it fits in a chunk.
    end: Option<usize>,
}

/// Which line it is, counted from the first of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LineNumber(usize);

impl HtmlBoundaries {
    /// A new line, at the end of the text.
    pub(super) fn push(&mut self, at: usize, rank: usize, heading: Option<u8>) -> LineNumber {
        self.lines.push_back(PageLine { at, rank, heading, end: None });
        LineNumber(self.pulled + self.lines.len() - 1)
    }

    /// Says where a heading ends, or what is kept whole.
    pub(super) fn end(&mut self, number: LineNumber, at: usize) {
        if let Some(line) = number.0.checked_sub(self.pulled).and_then(|n| self.lines.get_mut(n)) {
            line.end = Some(at);
        }
    }

    /// Forgets the first bytes of the text.
    pub(in crate::chunking) fn drop_front(&mut self, by: usize) {
        for line in &mut self.lines {
            line.at = line.at.saturating_sub(by);
            line.end = line.end.map(|end| end.saturating_sub(by));
        }
        self.whole_to = self.whole_to.saturating_sub(by);
        self.path.since = self.path.since.saturating_sub(by);
    }

    /// The next boundary of the text, if it is at `to` or before.
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
            // The white space at the end of the page is cut off.
            let end = end.map(|end| trim_end(text, at, end.clamp(at, text.len()), meter).0);
            let solid = end.is_some_and(|end| measure.fits(text, at, end, meter));
            if solid {
                self.whole_to = end.unwrap_or(at);
            }
            return Some(Boundary { at, rank, solid, path: self.path.clone() });
        }
    }

    /// Brings the headings up to date for a new one.
    fn enter(&mut self, at: usize, level: u8, title: Rc<str>) {
        let mut outer = self.path.innermost.clone();
        while let Some(heading) = outer.take_if(|heading| heading.level >= level) {
            outer = heading.outer.clone();
        }
        let heading = Heading { title, level, depth: 0, outer };
        self.path = Path { innermost: Some(Rc::new(heading)), since: at };
    }
}

/// The text of a heading, on one line, and not more of it than [`MAX_TITLE`] bytes.
fn title(text: &str, at: usize, end: Option<usize>) -> Rc<str> {
    let seen = text.floor_char_boundary((at + TITLE_SEEN).min(text.len()));
    let words = text[at..end.map_or(seen, |end| end.min(seen))].split_whitespace();
    let mut title = words.collect::<Vec<_>>().join(" ");
    title.truncate(title.floor_char_boundary(MAX_TITLE));
    title.truncate(title.trim_end().len());
    title.into()
}
