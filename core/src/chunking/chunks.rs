//! Iterator over the chunks of a text.

use std::borrow::Cow;

use super::chunk::Chunk;
use super::cutter::Cutter;
use super::meter::Meter;
use super::options::{Format, Options};
use super::page::Page;
use super::space::trim_end;
use super::structure::Structure;

/// Cuts `text` into chunks, in order.
///
/// `tick` is called at least once in 64 KiB of work, also while no chunk is yielded, so that the
/// caller can cancel. It may unwind.
pub fn chunks<'t, T: FnMut()>(text: &'t str, options: &Options, tick: T) -> Chunks<'t, T> {
    Chunks::new(text, options, tick)
}

/// Iterator returned by [`chunks`].
pub struct Chunks<'t, T> {
    input: Input<'t>,
    meter: Meter<T>,
}

enum Input<'t> {
    /// Text that is cut unchanged.
    Text { text: &'t str, format: Format, cutter: Cutter, structure: Option<Structure<'t>> },
    /// Page whose rendered text is cut.
    Page(Box<Page<'t>>),
}

impl<'t, T: FnMut()> Chunks<'t, T> {
    pub(super) fn new(text: &'t str, options: &Options, tick: T) -> Self {
        let input = match options.format {
            Format::Html => Input::Page(Box::new(Page::new(text, options))),
            format => Input::Text { text, format, cutter: Cutter::new(options), structure: None },
        };
        Chunks { input, meter: Meter::new(tick) }
    }
}

impl<'t, T: FnMut()> Iterator for Chunks<'t, T> {
    type Item = Chunk<'t>;

    fn next(&mut self) -> Option<Chunk<'t>> {
        let meter = &mut self.meter;
        let (text, format, cutter, structure) = match &mut self.input {
            Input::Page(page) => return page.next(meter),
            Input::Text { text, format, cutter, structure } => (text, *format, cutter, structure),
        };
        let structure = match structure {
            Some(structure) => structure,
            None => {
                let (end, _) = trim_end(text, 0, text.len(), meter);
                *text = &text[..end];
                structure.insert(Structure::new(format, text, meter))
            }
        };
        let span = cutter.next(text, structure, meter)?;
        Some(Chunk {
            content: Cow::Borrowed(&text[span.start..span.end]),
            start: span.start_offset,
            end: span.end_offset,
            byte_start: span.start,
            byte_end: span.end,
            size: span.size,
            heading_path: span.heading_path,
        })
    }
}
