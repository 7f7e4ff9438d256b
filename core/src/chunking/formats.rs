//! Boundaries of a text, by its format.

use super::boundary::Boundary;
use super::html::HtmlBoundaries;
use super::json::JsonBoundaries;
use super::markdown::MarkdownBoundaries;
use super::measure::Measure;
use super::meter::Meter;
use super::yaml::YamlBoundaries;

/// Boundaries of a text in order of position.
pub(super) enum Boundaries<'t> {
    Markdown(Box<MarkdownBoundaries<'t>>),
    Html(HtmlBoundaries),
    Json(JsonBoundaries<'t>),
    Yaml(YamlBoundaries<'t>),
}

impl Boundaries<'_> {
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
