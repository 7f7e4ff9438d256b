//! The cutter: goes to the size limit and looks back from there for the best boundary.

use std::rc::Rc;

use unicode_segmentation::UnicodeSegmentation;

use super::boundary::{Cut, Window};
use super::chars::{char_at, char_before};
use super::graphemes::{self, Join, is_flag_half, join};
use super::headings::HeadingPath;
use super::measure::Measure;
use super::meter::Meter;
use super::offsets::Offsets;
use super::options::Options;
use super::segments::{self, Segment};
use super::space::{after_newline, at_line_start, find_newline, skip_space, trim_end};
use super::structure::Structure;

/// Finds one chunk after the other.
pub(super) struct Cutter {
    measure: Measure,
    /// End of the last chunk. Text before it is done.
    at: usize,
    /// Headings at `at`.
    path: HeadingPath,
    /// Last chunk: start, end, size.
    previous: Option<(usize, usize, usize)>,
    offsets: Offsets,
    titles: Titles,
}

/// Positions tried for the start of an overlap.
const TRIES: usize = 4;

/// Range of a chunk, in bytes and in characters.
pub(super) struct ChunkSpan {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) start_offset: usize,
    pub(super) end_offset: usize,
    pub(super) size: usize,
    pub(super) heading_path: Rc<[Rc<str>]>,
}

/// Cache of the last heading path: most chunks share it with the chunk before.
struct Titles {
    path: HeadingPath,
    titles: Rc<[Rc<str>]>,
}

impl Cutter {
    pub(super) fn new(options: &Options) -> Self {
        Cutter {
            measure: Measure::new(options),
            at: 0,
            path: HeadingPath::default(),
            previous: None,
            offsets: Offsets::default(),
            titles: Titles { path: HeadingPath::default(), titles: Rc::from([]) },
        }
    }

    /// Returns the next chunk of a text that has no whitespace at its end.
    ///
    /// In tokens, a text can be larger than a longer text, so a chunk can turn out too large. It is
    /// then cut again at an earlier boundary.
    pub(super) fn next<T: FnMut()>(
        &mut self,
        text: &str,
        structure: &mut Structure<'_>,
        meter: &mut Meter<T>,
    ) -> Option<ChunkSpan> {
        let fresh = self.begin(text, self.at, meter);
        if fresh >= text.len() {
            return None;
        }
        if let Some(path) = structure.enter(fresh, text, &mut self.measure, meter) {
            self.path = path;
        }
        let (start, cut, size) = self
            .overlap(text, meter)
            .and_then(|start| self.fit(text, structure, start, fresh, meter))
            .or_else(|| self.fit(text, structure, fresh, fresh, meter))
            // The indentation leaves no space for text: drop it.
            .or_else(|| {
                let first = skip_space(text, fresh, meter);
                self.fit(text, structure, first, first, meter)
            })?;
        let path = std::mem::replace(&mut self.path, cut.path);
        let start_offset = self.offsets.of(text, start, meter);
        let end_offset = self.offsets.of(text, cut.end, meter);
        let size = size.unwrap_or(end_offset - start_offset);
        self.at = cut.end;
        self.previous = Some((start, cut.end, size));
        let heading_path = self.titles(&path);
        Some(ChunkSpan { start, end: cut.end, start_offset, end_offset, size, heading_path })
    }

    /// Returns the position from which the text is still needed, and the end of the last chunk.
    /// They differ if the next chunk can overlap the last one.
    pub(super) fn needed(&self) -> (usize, usize) {
        let overlapping = self.previous.filter(|_| self.measure.overlap > 0);
        (overlapping.map_or(self.at, |(start, ..)| start), self.at)
    }

    /// Adjusts positions after the first `by` bytes of the text, which are not needed any more,
    /// were dropped and text was added at the end.
    pub(super) fn drop_front(&mut self, by: usize) {
        // Remembered tokens are found by position, and the text does not end any more where it did.
        self.measure.forget_positions();
        self.at -= by;
        self.path.since = self.path.since.saturating_sub(by);
        if let Some((start, end, _)) = &mut self.previous {
            (*start, *end) = (start.saturating_sub(by), *end - by);
        }
        self.offsets.drop_front(by);
    }

    /// Start of a chunk that takes the text after `at`: blank lines are skipped. The indentation of
    /// the first line is kept, unless the indentation alone would not fit.
    fn begin<T: FnMut()>(&mut self, text: &str, at: usize, meter: &mut Meter<T>) -> usize {
        let first = skip_space(text, at, meter);
        if first == at || first == text.len() {
            return first;
        }
        let mut line = at_line_start(text, at).then_some(at);
        let mut from = at;
        while let Some(newline) = find_newline(text, from, first, meter) {
            from = after_newline(text, newline);
            line = Some(from);
        }
        // A space with a combining character on it is a cluster that is not blank.
        let cluster = match (char_before(text, first), char_at(text, first)) {
            (Some(a), Some(b)) if join(a, b) == Join::Joined => first - a.len_utf8(),
            _ => first,
        };
        for start in [line.filter(|&line| line < cluster), Some(cluster)].into_iter().flatten() {
            if start == first {
                break;
            }
            let limit = self.measure.reach(text, start, meter).limit;
            // The blank and a whole cluster after it have to fit.
            let fits = limit == text.len()
                || graphemes::last_boundary(text, start, limit, meter)
                    .is_some_and(|end| end > first);
            if fits {
                return start;
            }
        }
        first
    }

    /// Finds the cut of a chunk that starts at `start` and has to take some text after `fresh`.
    /// Returns start, cut and size; no size if the unit is characters.
    fn fit<T: FnMut()>(
        &mut self,
        text: &str,
        structure: &mut Structure<'_>,
        start: usize,
        fresh: usize,
        meter: &mut Meter<T>,
    ) -> Option<(usize, Cut, Option<usize>)> {
        let mut below = usize::MAX;
        loop {
            let cut = self.cut(text, structure, (start, fresh), below, meter)?;
            let size = self.measure.size(text, start, cut.end, meter);
            if size.is_none_or(|size| size <= self.measure.size) {
                return Some((start, cut, size));
            }
            below = cut.end;
        }
    }

    /// Finds a cut within the reach of the measure and before `below`. The size of the chunk is not
    /// checked.
    fn cut<T: FnMut()>(
        &mut self,
        text: &str,
        structure: &mut Structure<'_>,
        (start, fresh): (usize, usize),
        below: usize,
        meter: &mut Meter<T>,
    ) -> Option<Cut> {
        let mut reach = self.measure.reach(text, start, meter);
        if reach.limit >= below {
            reach.limit = text.floor_char_boundary(below - 1);
        }
        if reach.limit >= text.len() {
            return Some(Cut { end: text.len(), path: HeadingPath::default() });
        }
        if reach.limit <= fresh {
            return None;
        }
        let gap_end = match (char_before(text, reach.limit), char_at(text, reach.limit)) {
            // This space is part of a cluster that does not fit.
            (Some(a), Some(b)) if !a.is_whitespace() && join(a, b) == Join::Joined => reach.limit,
            _ => skip_space(text, reach.limit, meter),
        };
        let window = Window { start, limit: reach.limit, gap_end };
        structure.read(text, &window, &mut self.measure, meter);
        // The second half first, then any position.
        for lowest in [reach.half.max(fresh + 1), fresh + 1] {
            if let Some(cut) = structure.best(text, &window, lowest, meter) {
                return Some(cut);
            }
            if !structure.is_solid(&window)
                && let Some(end) = fine_cut(text, &window, lowest, meter)
            {
                return Some(Cut { end, path: structure.path(&window) });
            }
        }
        if start < fresh {
            return None;
        }
        // A block to keep whole does not fit, or one cluster is larger than a chunk.
        let path = structure.path(&window);
        let end = fine_cut(text, &window, fresh + 1, meter).unwrap_or_else(|| {
            before_flag(text, start, trim_end(text, start, window.limit, meter).0)
        });
        (end > start).then_some(Cut { end, path })
    }

    /// Start of the next chunk if it repeats the end of the last one.
    fn overlap<T: FnMut()>(&mut self, text: &str, meter: &mut Meter<T>) -> Option<usize> {
        let (from, to, size) = self.previous?;
        if self.measure.overlap == 0 {
            return None;
        }
        let lowest = self.measure.overlap(text, (from, to), size, meter);
        // The start is not before the section of the new chunk, which would have the heading path
        // of another section. It is after the start of the last chunk, or the new chunk would
        // contain that one.
        let next = after(text, from);
        let mut lowest = lowest.max(next).max(self.path.since);
        let middle = text.floor_char_boundary(lowest + to.saturating_sub(lowest) / 2);
        // A sentence start, unless it gives up more than half of the overlap; else a word start.
        for (segment, last) in [(Segment::Sentence, middle), (Segment::Word, to)] {
            // A later start can be a larger overlap in tokens, but rarely is a few words further
            // on.
            for _ in 0..TRIES {
                if lowest > last || lowest >= to {
                    break;
                }
                let found = segments::first_boundary(segment, text, lowest, last, meter);
                let Some(found) = found else { break };
                let start = self.begin(text, found, meter);
                if start >= to {
                    break;
                }
                let size = self.measure.size(text, start, to, meter);
                if size.is_none_or(|size| size <= self.measure.overlap) {
                    return Some(start);
                }
                lowest = after(text, found);
            }
        }
        None
    }

    fn titles(&mut self, path: &HeadingPath) -> Rc<[Rc<str>]> {
        if !path.is_same(&self.titles.path) {
            self.titles = Titles { path: path.clone(), titles: path.titles() };
        }
        self.titles.titles.clone()
    }
}

/// Best end of content in the window, at `lowest` or later, among sentences, words and clusters.
fn fine_cut<T: FnMut()>(
    text: &str,
    window: &Window,
    lowest: usize,
    meter: &mut Meter<T>,
) -> Option<usize> {
    let between_flags = [char_before(text, window.limit), char_at(text, window.limit)]
        .into_iter()
        .flatten()
        .any(is_flag_half);
    for segment in [Segment::Sentence, Segment::Word] {
        let mut found = segments::last_boundary(segment, text, lowest, window.gap_end, meter);
        if segment == Segment::Word && between_flags {
            // Flags in a long row are paired from the start of the row.
            let flags = graphemes::last_boundary(text, window.start, window.limit, meter);
            found = found.max(flags.filter(|&at| is_between_flags(text, window.start, at, meter)));
        }
        if let Some(found) = found {
            let (end, _) = trim_end(text, window.start, found, meter);
            // Earlier boundaries do not help: the text from `lowest` to `found` is blank.
            if end >= lowest {
                return Some(end);
            }
        }
    }
    let found = graphemes::last_boundary(text, window.start, window.limit, meter)?;
    let (end, _) = trim_end(text, window.start, found, meter);
    (end >= lowest).then_some(end)
}

/// Moves a cut in a cluster that does not fit before the flag at its end, if the chunk has more
/// than that flag. Flags pair up from the start of the next chunk.
fn before_flag(text: &str, start: usize, end: usize) -> usize {
    match (char_before(text, end), char_at(text, end)) {
        (Some(a), Some(b)) if is_flag_half(a) && is_flag_half(b) => {
            Some(end - a.len_utf8()).filter(|&before| before > start).unwrap_or(end)
        }
        _ => end,
    }
}

/// True if a cluster boundary in a row of flags is a word boundary too. Clusters and words both
/// pair up flag halves from the start of the row, but a combining character does not end a row for
/// words.
fn is_between_flags<T: FnMut()>(text: &str, from: usize, at: usize, meter: &mut Meter<T>) -> bool {
    let before = text[from..at].trim_end_matches(is_flag_half);
    meter.work(at - from - before.len());
    if before.len() == at - from || !char_at(text, at).is_some_and(is_flag_half) {
        return false;
    }
    !before.chars().next_back().is_some_and(|c| {
        let probe = format!("\u{1F1E9}{c}\u{1F1E9}");
        probe.split_word_bounds().nth(1).is_none()
    })
}

/// Position one character after `at`.
fn after(text: &str, at: usize) -> usize {
    at + char_at(text, at).map_or(1, char::len_utf8)
}
