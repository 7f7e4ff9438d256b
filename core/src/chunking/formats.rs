//! Boundaries of a text, by its format.

use super::boundary::Boundary;
use super::html::HtmlBoundaries;
use super::json::JsonBoundaries;
use super::markdown::MarkdownBoundaries;
use super::measure::Measure;
use super::meter::Meter;
use super::options::Format;
use super::yaml::YamlBoundaries;

/// Boundaries of a text in order of position.
pub(super) enum Boundaries<'t> {
    Markdown(Box<MarkdownBoundaries<'t>>),
    Html(HtmlBoundaries),
    Json(JsonBoundaries<'t>),
    Yaml(YamlBoundaries<'t>),
}

impl<'t> Boundaries<'t> {
    /// Boundaries of a text. None for plain text: its boundaries are found by looking back.
    pub(super) fn new<T: FnMut()>(
        format: Format,
        text: &'t str,
        meter: &mut Meter<T>,
    ) -> Option<Self> {
        match format {
            Format::Plain => None,
            Format::Markdown => {
                Some(Boundaries::Markdown(Box::new(MarkdownBoundaries::new(text, meter))))
            }
            Format::Html => Some(Boundaries::of_page()),
            Format::Json => Some(Boundaries::Json(JsonBoundaries::new(text))),
            Format::Yaml => Some(Boundaries::Yaml(YamlBoundaries::new(text))),
        }
    }

    /// Boundaries of a page, which are added while it is read.
    pub(super) fn of_page() -> Self {
        Boundaries::Html(HtmlBoundaries::default())
    }

    /// Returns the next boundary. A page is still being read: its next boundary is returned only if
    /// it is at `to` or before.
    pub(super) fn next<T: FnMut()>(
        &mut self,
        to: usize,
        text: &str,
        measure: &mut Measure,
        meter: &mut Meter<T>,
    ) -> Option<Boundary> {
        match self {
            Boundaries::Markdown(markdown) => markdown.next(measure, meter),
            Boundaries::Html(page) => page.next(to, text, measure, meter),
            Boundaries::Json(json) => json.next(meter),
            Boundaries::Yaml(yaml) => yaml.next(meter),
        }
    }
}
