//! The structure of a text: the boundaries above sentences, and the headings.

use super::boundary::{Cut, Window};
use super::formats::Boundaries;
use super::headings::Path;
use super::html::HtmlBoundaries;
use super::json::JsonBoundaries;
use super::markdown::MarkdownBoundaries;
use super::measure::Measure;
use super::meter::Meter;
use super::options::Format;
use super::outline::Outline;
use super::plain;
use super::yaml::YamlBoundaries;

pub(super) enum Structure<'t> {
    Plain,
    Outlined(Box<Outline<'t>>),
}

impl<'t> Structure<'t> {
    pub(super) fn new<T: FnMut()>(format: Format, text: &'t str, meter: &mut Meter<T>) -> Self {
        let boundaries = match format {
            Format::Plain => return Structure::Plain,
            Format::Markdown => {
                Boundaries::Markdown(Box::new(MarkdownBoundaries::new(text, meter)))
            }
            Format::Html => Boundaries::Html(HtmlBoundaries::default()),
            Format::Json => Boundaries::Json(JsonBoundaries::new(text)),
            Format::Yaml => Boundaries::Yaml(YamlBoundaries::new(text)),
        };
        Structure::of(boundaries)
    }

    /// The structure of a page, whose boundaries are added while it is read.
    pub(super) fn of_page() -> Self {
        Structure::of(Boundaries::Html(HtmlBoundaries::default()))
    }

    fn of(boundaries: Boundaries<'t>) -> Self {
        Structure::Outlined(Box::new(Outline::new(boundaries)))
    }

    /// The lines of a page, to which what is read of it is added.
    pub(super) fn html(&mut self) -> Option<&mut HtmlBoundaries> {
        match self {
            Structure::Outlined(outline) => outline.html(),
            Structure::Plain => None,
        }
    }

    /// Takes note that the text is now without its first bytes.
    pub(super) fn drop_front(&mut self, by: usize) {
        if let Structure::Outlined(outline) = self {
            outline.drop_front(by);
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
