//! The boundaries of a text, by its format.

use super::boundary::Boundary;
use super::html::HtmlBoundaries;
use super::json::JsonBoundaries;
use super::markdown::MarkdownBoundaries;
use super::measure::Measure;
use super::meter::Meter;
use super::yaml::YamlBoundaries;

/// Where the boundaries of a format come from, in order of position.
pub(super) enum Boundaries<'t> {
    Markdown(Box<MarkdownBoundaries<'t>>),
    Html(HtmlBoundaries),
    Json(JsonBoundaries<'t>),
    Yaml(YamlBoundaries<'t>),
}

impl Boundaries<'_> {
    /// The next boundary; of a page, which is still being read, only if it is at `to` or before.
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
