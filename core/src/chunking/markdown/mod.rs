//! Boundaries of Markdown, with their ranks and headings.

mod blocks;
mod containers;
mod front_matter;
mod html;
mod line;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use super::boundary::{Boundary, LINE, SECTION, item_rank, paragraph_rank};
use super::headings::{Heading, HeadingPath};
use super::measure::Measure;
use super::meter::Meter;
use super::space::{after_newline, find_newline, skip_space, trim_end};
use blocks::{Block, BlockKind, Blocks};

/// Boundaries of a Markdown text: the lines at which a chunk can begin.
pub(super) struct MarkdownBoundaries<'t> {
    text: &'t str,
    blocks: Blocks<'t>,
    /// Last block, while boundaries inside it are still to come.
    inside: Option<InsideBlock<'t>>,
    /// Headings at the end of the last block.
    path: HeadingPath,
}

/// Lines of a block that is not kept whole.
#[derive(Clone, Copy)]
struct InsideBlock<'t> {
    block: Block<'t>,
    /// Start of the next line.
    at: usize,
}

impl<'t> MarkdownBoundaries<'t> {
    pub(super) fn new<T: FnMut()>(text: &'t str, meter: &mut Meter<T>) -> Self {
        MarkdownBoundaries {
            text,
            blocks: Blocks::new(text, meter),
            inside: None,
            path: HeadingPath::default(),
        }
    }

    /// Returns the next boundary.
    pub(super) fn next<T: FnMut()>(
        &mut self,
        measure: &mut Measure,
        meter: &mut Meter<T>,
    ) -> Option<Boundary> {
        if let Some(inside) = self.inside.take()
            && let Some(boundary) = self.line_inside(inside, measure, meter)
        {
            return Some(boundary);
        }
        let block = self.blocks.next(meter)?;
        self.enter(&block);
        let rank = match block.kind {
            BlockKind::Heading { .. } => SECTION,
            _ if block.after_blank => paragraph_rank(block.items),
            _ if block.new_item => item_rank(block.items),
            _ => LINE,
        };
        let keep = matches!(block.kind, BlockKind::Fence | BlockKind::Table);
        let whole = keep && measure.fits(self.text, block.start, block.end, meter);
        let mut solid = whole;
        if !whole {
            let mut at = self.after_line(block.start, block.end, meter);
            if keep {
                // The opening line of a fence stays with the first line of code, a table's header
                // with its delimiter row.
                at = skip_space_in(self.text, at, block.end, meter);
                at = self.after_line(at, block.end, meter);
                let (end, _) = trim_end(self.text, block.start, at, meter);
                solid = measure.fits(self.text, block.start, end, meter);
            }
            self.inside = Some(InsideBlock { block, at });
        }
        Some(Boundary { at: block.start, rank, solid, path: self.path.clone() })
    }

    /// Returns the next boundary inside a block: a line that is not blank.
    fn line_inside<T: FnMut()>(
        &mut self,
        inside: InsideBlock<'t>,
        measure: &mut Measure,
        meter: &mut Meter<T>,
    ) -> Option<Boundary> {
        let InsideBlock { block, mut at } = inside;
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
        self.inside = Some(InsideBlock { block, at: next });
        let keep = matches!(block.kind, BlockKind::Fence | BlockKind::Table);
        let solid =
            keep && measure.fits(self.text, at, trim_end(self.text, at, next, meter).0, meter);
        let rank = if blank { paragraph_rank(block.items) } else { LINE };
        Some(Boundary { at, rank, solid, path: self.path.clone() })
    }

    /// Start of the line after the one at `at`, or `end`.
    fn after_line<T: FnMut()>(&self, at: usize, end: usize, meter: &mut Meter<T>) -> usize {
        meter.work(8);
        match find_newline(self.text, at, end, meter) {
            Some(newline) => after_newline(self.text, newline).min(end),
            None => end,
        }
    }

    /// Updates the headings for a block.
    fn enter(&mut self, block: &Block<'t>) {
        let mut outer = self.path.innermost.clone();
        // A heading ends with the quote or item that it is in.
        while let Some(heading) = outer.take_if(|heading| heading.depth > block.kept) {
            outer = heading.outer.clone();
        }
        if let BlockKind::Heading { level, title } = block.kind {
            let depth = block.depth;
            while let Some(heading) =
                outer.take_if(|heading| heading.depth == depth && heading.level >= level)
            {
                outer = heading.outer.clone();
            }
            let heading = Heading { title: title.into(), level, depth, outer };
            self.path = HeadingPath { innermost: Some(Rc::new(heading)), since: block.start };
            return;
        }
        let path = HeadingPath { innermost: outer, since: block.start };
        if !path.is_same(&self.path) {
            self.path = path;
        }
    }
}

/// First position in `text[from..to]` that is not White_Space, or `to`.
fn skip_space_in<T: FnMut()>(text: &str, from: usize, to: usize, meter: &mut Meter<T>) -> usize {
    skip_space(&text[..to], from, meter)
}
