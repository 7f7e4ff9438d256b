//! What a format knows about a text: the boundaries above sentences, and the headings.
//!
//! A new format is a new [`Source`] of boundaries, ranked as below.

use std::rc::Rc;

use super::json::Members;
use super::markdown::Lines;
use super::measure::Measure;
use super::meter::Meter;
use super::outline::{Outline, Source};
use super::yaml::Entries;
use super::{Format, html, plain};

/// Ranks of boundaries, from the lowest to the highest: a line; then for each level of nesting, the
/// innermost first, between two of its items, and after a blank line in it (or whatever sets apart
/// as much); a section. So a list is split between its items before it is split inside one.
pub(super) const LINE: usize = 0;
/// Deeper levels are not told apart.
pub(super) const LEVELS: usize = 64;
pub(super) const SECTION: usize = 2 * LEVELS + 1;
pub(super) const RANKS: usize = SECTION + 1;

/// Between two items at this level of nesting, 0 the outermost.
pub(super) fn item_rank(level: usize) -> usize {
    2 * LEVELS - 1 - 2 * level.min(LEVELS - 1)
}

/// Between two paragraphs at this level of nesting, 0 outside of all.
pub(super) fn paragraph_rank(level: usize) -> usize {
    item_rank(level) + 1
}

/// A line's start, or a place between two members, at which a chunk can begin.
#[derive(Clone, Debug)]
pub(super) struct Boundary {
    pub(super) at: usize,
    pub(super) rank: usize,
    /// Whether what follows, up to the next boundary, is to be kept whole.
    pub(super) solid: bool,
    pub(super) path: Path,
}

/// The part of the text in which a chunk may end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Where the chunk starts.
    pub(super) start: usize,
    /// The chunk has to end here at the latest.
    pub(super) limit: usize,
    /// The end of the whitespace after `limit`. A boundary as late as this fits as well, because
    /// the whitespace before it is dropped.
    pub(super) gap_end: usize,
}

/// A place to cut: where the chunk's content ends, and the headings that hold for what follows.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    pub(super) end: usize,
    pub(super) path: Path,
}

/// The headings that enclose a position, the innermost first. A list that shares its tail, because
/// it is remembered for several positions at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Path {
    pub(super) innermost: Option<Rc<Heading>>,
    /// From here on up to the position these headings hold.
    pub(super) since: usize,
}

#[derive(Debug)]
pub(super) struct Heading {
    pub(super) title: Rc<str>,
    pub(super) level: u8,
    /// In how many block quotes and list items it is: it encloses nothing outside of them.
    pub(super) depth: usize,
    pub(super) outer: Option<Rc<Heading>>,
}

impl Path {
    /// The titles, outermost first.
    pub(super) fn titles(&self) -> Rc<[Rc<str>]> {
        let mut titles = Vec::new();
        let mut heading = self.innermost.as_ref();
        while let Some(inner) = heading {
            titles.push(inner.title.clone());
            heading = inner.outer.as_ref();
        }
        titles.reverse();
        titles.into()
    }

    /// Whether both have the same headings.
    pub(super) fn is_same(&self, other: &Path) -> bool {
        match (&self.innermost, &other.innermost) {
            (Some(a), Some(b)) => Rc::ptr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        }
    }
}

pub(super) enum Structure<'t> {
    Plain,
    Outlined(Box<Outline<'t>>),
}

impl<'t> Structure<'t> {
    pub(super) fn new<T: FnMut()>(format: Format, text: &'t str, meter: &mut Meter<T>) -> Self {
        let source = match format {
            Format::Plain => return Structure::Plain,
            Format::Markdown => Source::Markdown(Box::new(Lines::new(text, meter))),
            Format::Html => Source::Html(html::Lines::default()),
            Format::Json => Source::Json(Members::new(text)),
            Format::Yaml => Source::Yaml(Entries::new(text)),
        };
        Structure::of(source)
    }

    pub(super) fn of(source: Source<'t>) -> Self {
        Structure::Outlined(Box::new(Outline::new(source)))
    }

    /// The lines of a page, to which what is read of it is added.
    pub(super) fn lines(&mut self) -> Option<&mut html::Lines> {
        match self {
            Structure::Outlined(outline) => outline.lines(),
            Structure::Plain => None,
        }
    }

    /// Takes note that the text is now without its first bytes.
    pub(super) fn moved(&mut self, by: usize) {
        if let Structure::Outlined(outline) = self {
            outline.moved(by);
        }
    }

    /// Goes on to `at`, where a chunk starts; if new headings begin on the way, says which.
    pub(super) fn enter<T: FnMut()>(
        &mut self,
        at: usize,
        text: &str,
        measure: &mut Measure,
        meter: &mut Meter<T>,
    ) -> Option<Path> {
        match self {
            Structure::Plain => None,
            Structure::Outlined(outline) => outline.read_to(at, text, measure, meter),
        }
    }

    /// Takes in the text up to the window's end. Windows never go back.
    pub(super) fn read<T: FnMut()>(
        &mut self,
        text: &str,
        window: &Window,
        measure: &mut Measure,
        meter: &mut Meter<T>,
    ) {
        if let Structure::Outlined(outline) = self {
            outline.read_to(window.gap_end, text, measure, meter);
        }
    }

    /// The highest-ranked boundary of the window, the latest of that rank, at which the content
    /// ends at `lowest` or later. Lines are the lowest rank here.
    pub(super) fn best<T: FnMut()>(
        &self,
        text: &str,
        window: &Window,
        lowest: usize,
        meter: &mut Meter<T>,
    ) -> Option<Cut> {
        match self {
            Structure::Plain => plain::best(text, window, lowest, meter)
                .map(|end| Cut { end, path: Path::default() }),
            Structure::Outlined(outline) => outline.best(text, window, lowest, meter),
        }
    }

    /// Whether what follows the last boundary of the window is to be kept whole.
    pub(super) fn is_solid(&self, window: &Window) -> bool {
        match self {
            Structure::Plain => false,
            Structure::Outlined(outline) => outline.is_solid(window),
        }
    }

    /// The headings at a position between the last boundary of the window and the next.
    pub(super) fn path(&self, window: &Window) -> Path {
        match self {
            Structure::Plain => Path::default(),
            Structure::Outlined(outline) => outline.path(window),
        }
    }
}
