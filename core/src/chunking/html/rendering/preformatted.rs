//! Preformatted text: `pre` and similar elements, whose white space is kept.

use super::super::boundaries::HtmlBoundaries;
use super::Rendering;
use super::gap::Whole;
use super::origin::Origin;
use crate::chunking::boundary::{LINE, paragraph_rank};

impl Rendering {
    pub(super) fn begin_pre(&mut self, boundaries: &mut HtmlBoundaries) {
        self.separate(2, boundaries);
        if self.pre == 0 {
            self.gap.whole = Some(Whole::Pre);
        }
        self.line.skip_newline = true;
    }

    pub(super) fn end_pre(&mut self, boundaries: &mut HtmlBoundaries) {
        self.pre = self.pre.saturating_sub(1);
        if self.pre == 0 {
            self.end_line(boundaries);
            if let Some(block) = self.block.take() {
                boundaries.end(block, self.text.len());
            }
        }
        self.separate(2, boundaries);
    }

    pub(super) fn end_line(&mut self, boundaries: &mut HtmlBoundaries) {
        if let Some(line) = self.line.number.take() {
            boundaries.end(line, self.text.len());
        }
    }

    /// Appends text with its white space.
    pub(super) fn add_preformatted(
        &mut self,
        text: &str,
        origin: Origin,
        boundaries: &mut HtmlBoundaries,
    ) {
        let mut skipped = 0;
        if std::mem::take(&mut self.line.skip_newline) {
            let newline =
                ["\r\n", "\n", "\r"].into_iter().find(|newline| text.starts_with(newline));
            skipped = newline.map_or(0, str::len);
        }
        let mut at = skipped;
        for line in text[skipped..].split_inclusive(['\n', '\r']) {
            let surplus = self.is_surplus(line);
            if !surplus {
                self.fill_gap(origin.after(at).start(), boundaries);
            }
            let second_half = line == "\n" && self.text.ends_with('\r');
            let body = line.trim_end_matches(['\n', '\r']);
            if self.line.number.is_none() && !body.trim_start().is_empty() {
                let rank = if self.line.after_blank { paragraph_rank(self.depth) } else { LINE };
                self.line.number = Some(boundaries.push(self.line.start, rank, None));
            }
            if body.len() < line.len() && !second_half {
                self.line.after_blank = self.line.number.is_none();
            }
            if !surplus {
                self.push(line, origin.after(at));
            }
            at += line.len();
            if body.len() < line.len() {
                self.end_line(boundaries);
                self.line.start = self.text.len();
            }
        }
    }
}
