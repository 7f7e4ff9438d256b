//! Structure of a text: the boundaries above sentences, and the headings.

use super::boundary::{Cut, Window};
use super::formats::Boundaries;
use super::headings::HeadingPath;
use super::html::HtmlBoundaries;
use super::measure::Measure;
use super::meter::Meter;
use super::options::Format;
use super::outline::Outline;
use super::plain;

pub(super) enum Structure<'t> {
    Plain,
    Outlined(Box<Outline<'t>>),
}

impl<'t> Structure<'t> {
    pub(super) fn new<T: FnMut()>(format: Format, text: &'t str, meter: &mut Meter<T>) -> Self {
        match Boundaries::new(format, text, meter) {
            Some(boundaries) => Structure::of(boundaries),
            None => Structure::Plain,
        }
    }

    /// Structure of a page. Boundaries are added while the page is read.
    pub(super) fn of_page() -> Self {
        Structure::of(Boundaries::of_page())
    }

    fn of(boundaries: Boundaries<'t>) -> Self {
        Structure::Outlined(Box::new(Outline::new(boundaries)))
    }

    /// Boundaries of a page, to add to.
    pub(super) fn html(&mut self) -> Option<&mut HtmlBoundaries> {
        match self {
            Structure::Outlined(outline) => outline.html(),
            Structure::Plain => None,
        }
    }

    /// Adjusts positions after the first `by` bytes of the text were dropped.
    pub(super) fn drop_front(&mut self, by: usize) {
        if let Structure::Outlined(outline) = self {
            outline.drop_front(by);
        }
    }

    /// Advances to `at`, the start of a chunk. Returns the headings there if they changed on the
    /// way.
    pub(super) fn enter<T: FnMut()>(
        &mut self,
        at: usize,
        text: &str,
        measure: &mut Measure,
        meter: &mut Meter<T>,
    ) -> Option<HeadingPath> {
        match self {
            Structure::Plain => None,
            Structure::Outlined(outline) => outline.read_to(at, text, measure, meter),
        }
    }

    /// Reads the boundaries up to the end of the window. Windows never go back.
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

    /// Highest-ranked boundary of the window, the latest of that rank, with its content ending at
    /// `lowest` or later. Lines are the lowest rank here.
    pub(super) fn best<T: FnMut()>(
        &self,
        text: &str,
        window: &Window,
        lowest: usize,
        meter: &mut Meter<T>,
    ) -> Option<Cut> {
        match self {
            Structure::Plain => plain::best(text, window, lowest, meter)
                .map(|end| Cut { end, path: HeadingPath::default() }),
            Structure::Outlined(outline) => outline.best(text, window, lowest, meter),
        }
    }

    /// True if the text after the last boundary of the window is to be kept whole.
    pub(super) fn is_solid(&self, window: &Window) -> bool {
        match self {
            Structure::Plain => false,
            Structure::Outlined(outline) => outline.is_solid(window),
        }
    }

    /// Headings between the last boundary of the window and the next boundary.
    pub(super) fn path(&self, window: &Window) -> HeadingPath {
        match self {
            Structure::Plain => HeadingPath::default(),
            Structure::Outlined(outline) => outline.path(window),
        }
    }
}
