//! Reader of a page's text, token by token.

use super::super::meter::Meter;
use super::super::space::trim_end;
use super::boundaries::HtmlBoundaries;
use super::markup::Markup;
use super::rendering::Rendering;

/// Rendered text of a page as far as it was read. Text that is not needed any more is dropped.
pub(in crate::chunking) struct PageReader<'t> {
    markup: Markup<'t>,
    rendering: Rendering,
    is_at_end: bool,
}

impl<'t> PageReader<'t> {
    /// Reader of `source`. White space beyond `max_space` bytes in a row is left out.
    pub(in crate::chunking) fn new(source: &'t str, max_space: usize) -> Self {
        PageReader {
            markup: Markup::new(source),
            rendering: Rendering::new(max_space),
            is_at_end: false,
        }
    }

    pub(in crate::chunking) fn source(&self) -> &'t str {
        self.markup.source()
    }

    pub(in crate::chunking) fn text(&self) -> &str {
        &self.rendering.text
    }

    #[cfg(test)]
    pub(in crate::chunking) fn capacity(&self) -> usize {
        self.rendering.text.capacity()
    }

    /// True after the whole source was read.
    pub(in crate::chunking) fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    /// Byte range of the source that `text[start..end]` comes from.
    pub(in crate::chunking) fn source_range(&self, start: usize, end: usize) -> (usize, usize) {
        (self.rendering.sources.start(start), self.rendering.sources.end(end))
    }

    /// Drops the first bytes of the text.
    pub(in crate::chunking) fn drop_front(&mut self, by: usize) {
        self.rendering.drop_front(by);
    }

    /// Reads until the text has `length` bytes or the source ends, and adds the boundaries of the
    /// new text. White space at the end of the page is dropped.
    pub(in crate::chunking) fn read_to<T: FnMut()>(
        &mut self,
        length: usize,
        boundaries: &mut HtmlBoundaries,
        meter: &mut Meter<T>,
    ) {
        while self.rendering.text.len() < length {
            let Some(token) = self.markup.next(meter) else {
                self.is_at_end = true;
                let text = &mut self.rendering.text;
                let (end, _) = trim_end(text, 0, text.len(), meter);
                text.truncate(end);
                return;
            };
            meter.work(16);
            self.rendering.add(token, &mut self.markup, boundaries);
        }
    }
}
