//! The structure of Markdown: where it can be cut, how well, and under which headings.
//!
//! The text is read forward, once, up to the end of the window, and of each rank only the latest
//! boundary is remembered: that is all that the cutter asks for, whatever the size of a chunk.

mod blocks;
mod html;
mod line;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use super::measure::Measure;
use super::meter::Meter;
use super::space::{after_newline, find_newline, skip_space, trim_end};
use super::structure::{Cut, Heading, Path, Window};
use blocks::{Block, Blocks, Kind};

/// Ranks from the lowest to the highest: a line; inside the innermost list items told apart, between
/// items, after a blank line; then the same one item further out, up to outside of all; a section.
/// So a list is split between its items before it is split inside one.
const LINE: usize = 0;
const LEVELS: usize = 6;
const SECTION: usize = 2 * LEVELS + 1;

fn item_rank(items: usize) -> usize {
    2 * LEVELS - 1 - 2 * items.min(LEVELS - 1)
}

fn paragraph_rank(items: usize) -> usize {
    item_rank(items) + 1
}

/// A line's start at which a chunk can begin.
#[derive(Clone, Debug)]
struct Boundary<'t> {
    at: usize,
    rank: usize,
    /// Whether what follows, up to the next boundary, is to be kept whole.
    solid: bool,
    path: Path<'t>,
}

pub(super) struct Outline<'t> {
    text: &'t str,
    blocks: Blocks<'t>,
    /// The block that was read last, as far as boundaries inside it are still to come.
    inside: Option<Inside<'t>>,
    /// The first boundary after what was read.
    next: Option<Boundary<'t>>,
    /// The latest boundary of each rank, in what was read.
    latest: [Option<Boundary<'t>>; SECTION + 1],
    last: Option<Boundary<'t>>,
    /// The headings at the end of the last block.
    path: Path<'t>,
}

/// The lines of a block that is not kept whole.
#[derive(Clone, Copy)]
struct Inside<'t> {
    block: Block<'t>,
    /// Where the next line starts.
    at: usize,
}

impl<'t> Outline<'t> {
    pub(super) fn new<T: FnMut()>(text: &'t str, meter: &mut Meter<T>) -> Self {
        Outline {
            text,
            blocks: Blocks::new(text, meter),
            inside: None,
            next: None,
            latest: Default::default(),
            last: None,
            path: Path::default(),
        }
    }

    /// Reads all boundaries up to `to`; the headings at the last of them, if there was one.
    pub(super) fn read_to<T: FnMut()>(
        &mut self,
        to: usize,
        measure: &Measure,
        meter: &mut Meter<T>,
    ) -> Option<Path<'t>> {
        let mut path = None;
        loop {
            if self.next.is_none() {
                self.next = self.pull(measure, meter);
            }
            let Some(next) = self.next.take_if(|next| next.at <= to) else {
                return path;
            };
            path = Some(next.path.clone());
            self.last = Some(next.clone());
            let rank = next.rank;
            self.latest[rank] = Some(next);
        }
    }

    pub(super) fn best<T: FnMut()>(
        &self,
        text: &str,
        window: &Window,
        lowest: usize,
        meter: &mut Meter<T>,
    ) -> Option<Cut<'t>> {
        self.latest.iter().rev().flatten().find_map(|boundary| {
            if boundary.at < lowest || boundary.at > window.gap_end {
                return None;
            }
            let (end, _) = trim_end(text, window.start, boundary.at, meter);
            (end >= lowest).then(|| Cut { end, path: boundary.path.clone() })
        })
    }

    pub(super) fn is_solid(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.solid)
    }

    pub(super) fn path(&self) -> Path<'t> {
        self.last.as_ref().map(|last| last.path.clone()).unwrap_or_default()
    }

    /// The next boundary of the text.
    fn pull<T: FnMut()>(
        &mut self,
        measure: &Measure,
        meter: &mut Meter<T>,
    ) -> Option<Boundary<'t>> {
        if let Some(inside) = self.inside.take()
            && let Some(boundary) = self.line_inside(inside, measure, meter)
        {
            return Some(boundary);
        }
        let block = self.blocks.next(meter)?;
        self.enter(&block);
        let rank = match block.kind {
            Kind::Heading { .. } => SECTION,
            _ if block.after_blank => paragraph_rank(block.items),
            _ if block.new_item => item_rank(block.items),
            _ => LINE,
        };
        let keep = matches!(block.kind, Kind::Fence | Kind::Table);
        let whole = keep && measure.fits(self.text, block.start, block.end, meter);
        let mut solid = whole;
        if !whole {
            let mut at = self.after_line(block.start, block.end, meter);
            if keep {
                // The opening line stays with the first line of code, the header with its rule.
                at = skip_space_in(self.text, at, block.end, meter);
                at = self.after_line(at, block.end, meter);
                let (end, _) = trim_end(self.text, block.start, at, meter);
                solid = measure.fits(self.text, block.start, end, meter);
            }
            self.inside = Some(Inside { block, at });
        }
        Some(Boundary { at: block.start, rank, solid, path: self.path.clone() })
    }

    /// The next boundary inside a block: a line that is not blank.
    fn line_inside<T: FnMut()>(
        &mut self,
        inside: Inside<'t>,
        measure: &Measure,
        meter: &mut Meter<T>,
    ) -> Option<Boundary<'t>> {
        let Inside { block, mut at } = inside;
        let mut blank = false;
        let next = loop {
            if at >= block.end {
                return None;
            }
            let next = self.after_line(at, block.end, meter);
            if skip_space_in(self.text, at, next, meter) < next {
                break next;
            }
            blank = true;
            at = next;
        };
        self.inside = Some(Inside { block, at: next });
        let keep = matches!(block.kind, Kind::Fence | Kind::Table);
        let solid =
            keep && measure.fits(self.text, at, trim_end(self.text, at, next, meter).0, meter);
        let rank = if blank { paragraph_rank(block.items) } else { LINE };
        Some(Boundary { at, rank, solid, path: self.path.clone() })
    }

    /// Where the line after the one at `at` starts, or `end`.
    fn after_line<T: FnMut()>(&self, at: usize, end: usize, meter: &mut Meter<T>) -> usize {
        meter.work(8);
        match find_newline(self.text, at, end, meter) {
            Some(newline) => after_newline(self.text, newline).min(end),
            None => end,
        }
    }

    /// Brings the headings up to date for a block.
    fn enter(&mut self, block: &Block<'t>) {
        let mut outer = self.path.innermost.clone();
        // A heading holds to the end of the quote or item that it is in.
        while let Some(heading) = outer.take_if(|heading| heading.depth > block.kept) {
            outer = heading.outer.clone();
        }
        if let Kind::Heading { level, title } = block.kind {
            let depth = block.depth;
            while let Some(heading) =
                outer.take_if(|heading| heading.depth == depth && heading.level >= level)
            {
                outer = heading.outer.clone();
            }
            let heading = Heading { title, level, depth, outer };
            self.path = Path { innermost: Some(Rc::new(heading)), since: block.start };
            return;
        }
        let unchanged = match (&outer, &self.path.innermost) {
            (Some(a), Some(b)) => Rc::ptr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        if !unchanged {
            self.path = Path { innermost: outer, since: block.start };
        }
    }
}

/// The first position in `text[from..to]` that is not White_Space, or `to`.
fn skip_space_in<T: FnMut()>(text: &str, from: usize, to: usize, meter: &mut Meter<T>) -> usize {
    skip_space(&text[..to], from, meter)
}
