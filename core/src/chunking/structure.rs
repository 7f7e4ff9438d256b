//! What a format knows about a text: the boundaries above sentences, and the headings.
//!
//! A new format is a new variant of [`Structure`] that answers the same questions.

use std::rc::Rc;

use super::markdown::Outline;
use super::measure::Measure;
use super::meter::Meter;
use super::{Format, plain};

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
pub(super) struct Cut<'t> {
    pub(super) end: usize,
    pub(super) path: Path<'t>,
}

/// The headings that enclose a position, the innermost first. A list that shares its tail, because
/// it is remembered for several positions at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Path<'t> {
    pub(super) innermost: Option<Rc<Heading<'t>>>,
    /// From here on up to the position these headings hold.
    pub(super) since: usize,
}

#[derive(Debug)]
pub(super) struct Heading<'t> {
    pub(super) title: &'t str,
    pub(super) level: u8,
    /// In how many block quotes and list items it is: it encloses nothing outside of them.
    pub(super) depth: usize,
    pub(super) outer: Option<Rc<Heading<'t>>>,
}

pub(super) enum Structure<'t> {
    Plain,
    Markdown(Box<Outline<'t>>),
}

impl<'t> Structure<'t> {
    pub(super) fn new<T: FnMut()>(format: Format, text: &'t str, meter: &mut Meter<T>) -> Self {
        match format {
            Format::Plain => Structure::Plain,
            Format::Markdown => Structure::Markdown(Box::new(Outline::new(text, meter))),
        }
    }

    /// Goes on to `at`, where a chunk starts; if new headings begin on the way, says which.
    pub(super) fn enter<T: FnMut()>(
        &mut self,
        at: usize,
        measure: &Measure,
        meter: &mut Meter<T>,
    ) -> Option<Path<'t>> {
        match self {
            Structure::Plain => None,
            Structure::Markdown(outline) => outline.read_to(at, measure, meter),
        }
    }

    /// Takes in the text up to the window's end. Windows never go back.
    pub(super) fn read<T: FnMut()>(
        &mut self,
        window: &Window,
        measure: &Measure,
        meter: &mut Meter<T>,
    ) {
        if let Structure::Markdown(outline) = self {
            outline.read_to(window.gap_end, measure, meter);
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
    ) -> Option<Cut<'t>> {
        match self {
            Structure::Plain => plain::best(text, window, lowest, meter)
                .map(|end| Cut { end, path: Path::default() }),
            Structure::Markdown(outline) => outline.best(text, window, lowest, meter),
        }
    }

    /// Whether what follows the last boundary of the window is to be kept whole.
    pub(super) fn is_solid(&self) -> bool {
        match self {
            Structure::Plain => false,
            Structure::Markdown(outline) => outline.is_solid(),
        }
    }

    /// The headings at a position between the last boundary of the window and the next.
    pub(super) fn path(&self) -> Path<'t> {
        match self {
            Structure::Plain => Path::default(),
            Structure::Markdown(outline) => outline.path(),
        }
    }
}
