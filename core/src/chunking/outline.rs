//! Boundaries of a text that has structure, read forward, once, up to the end of the window.
//!
//! Only the latest boundary of each rank is kept. The cutter needs no other, whatever the size of a
//! chunk, so memory is constant.

use std::collections::VecDeque;

use super::boundary::{Boundary, Cut, RANKS, Window};
use super::formats::Boundaries;
use super::headings::HeadingPath;
use super::html::HtmlBoundaries;
use super::measure::Measure;
use super::meter::Meter;
use super::space::trim_end;

/// Boundaries kept whatever their rank.
const RECENT: usize = 16;

pub(super) struct Outline<'t> {
    boundaries: Boundaries<'t>,
    /// First boundary beyond the text that was read.
    next: Option<Boundary>,
    /// Latest boundary of each rank.
    latest: [Option<Boundary>; RANKS],
    /// Latest boundaries of any rank: in tokens, a window can turn out too large and be shortened.
    recent: VecDeque<Boundary>,
}

impl<'t> Outline<'t> {
    pub(super) fn new(boundaries: Boundaries<'t>) -> Self {
        Outline { boundaries, next: None, latest: [const { None }; RANKS], recent: VecDeque::new() }
    }

    pub(super) fn html(&mut self) -> Option<&mut HtmlBoundaries> {
        match &mut self.boundaries {
            Boundaries::Html(page) => Some(page),
            _ => None,
        }
    }

    /// Adjusts positions after the first `by` bytes of the text were dropped.
    pub(super) fn drop_front(&mut self, by: usize) {
        let known = self.latest.iter_mut().chain([&mut self.next]).flatten();
        for boundary in known.chain(&mut self.recent) {
            boundary.at = boundary.at.saturating_sub(by);
            boundary.path.since = boundary.path.since.saturating_sub(by);
        }
        if let Some(page) = self.html() {
            page.drop_front(by);
        }
    }

    /// Reads all boundaries up to `to`. Returns the headings at the last of them, if there was one.
    pub(super) fn read_to<T: FnMut()>(
        &mut self,
        to: usize,
        text: &str,
        measure: &mut Measure,
        meter: &mut Meter<T>,
    ) -> Option<HeadingPath> {
        let mut path = None;
        loop {
            if self.next.is_none() {
                self.next = self.boundaries.next(to, text, measure, meter);
            }
            let Some(next) = self.next.take_if(|next| next.at <= to) else {
                return path;
            };
            path = Some(next.path.clone());
            if self.recent.len() == RECENT {
                self.recent.pop_front();
            }
            self.recent.push_back(next.clone());
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
    ) -> Option<Cut> {
        let of_window = |boundary: &&Boundary| (lowest..=window.gap_end).contains(&boundary.at);
        let mut rank = RANKS;
        loop {
            // The latest boundary of the next lower rank.
            let boundary = self
                .known()
                .filter(of_window)
                .filter(|boundary| boundary.rank < rank)
                .max_by_key(|boundary| (boundary.rank, boundary.at))?;
            let (end, _) = trim_end(text, window.start, boundary.at, meter);
            if end >= lowest {
                return Some(Cut { end, path: boundary.path.clone() });
            }
            rank = boundary.rank;
        }
    }

    pub(super) fn is_solid(&self, window: &Window) -> bool {
        self.last(window).is_some_and(|last| last.solid)
    }

    pub(super) fn path(&self, window: &Window) -> HeadingPath {
        self.last(window).map(|last| last.path.clone()).unwrap_or_default()
    }

    /// Last boundary in the window or before it.
    fn last(&self, window: &Window) -> Option<&Boundary> {
        let is_in = |boundary: &&Boundary| boundary.at <= window.gap_end;
        let recent = self.recent.iter().rev().find(is_in);
        recent.or_else(|| self.known().filter(is_in).max_by_key(|boundary| boundary.at))
    }

    fn known(&self) -> impl Iterator<Item = &Boundary> {
        self.latest.iter().flatten().chain(&self.recent)
    }
}
