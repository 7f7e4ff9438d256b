//! The cutter: goes to the size limit and looks back from there for the best place to end a chunk.

use std::rc::Rc;

use unicode_segmentation::UnicodeSegmentation;

use super::fine::{self, Kind};
use super::graphemes::{self, Join, is_flag_half, join};
use super::measure::Measure;
use super::meter::Meter;
use super::space::{
    after_newline, at_line_start, char_at, char_before, count_chars, find_newline, skip_space,
    trim_end,
};
use super::structure::{Cut, Path, Structure, Window};
use super::{Chunk, Options};

/// The chunks of a text, in order. Made by [`chunks`](super::chunks).
pub struct Chunks<'t, T> {
    /// Without the whitespace at its end, once the first chunk was asked for.
    text: &'t str,
    measure: Measure,
    options: Options,
    structure: Option<Structure<'t>>,
    /// Where the last chunk ended; what is before it is done.
    at: usize,
    /// The headings that hold for what follows.
    path: Path<'t>,
    /// The last chunk: start, end, size.
    previous: Option<(usize, usize, usize)>,
    /// A position whose character offset is known, and that offset.
    counted: (usize, usize),
    titles: Titles<'t>,
    meter: Meter<T>,
}

/// The heading path as given out last, because most chunks share it with the one before.
struct Titles<'t> {
    path: Path<'t>,
    titles: Rc<[&'t str]>,
}

impl<'t, T: FnMut()> Chunks<'t, T> {
    pub(super) fn new(text: &'t str, options: &Options, tick: T) -> Self {
        Chunks {
            text,
            measure: options.measure(),
            options: *options,
            structure: None,
            at: 0,
            path: Path::default(),
            previous: None,
            counted: (0, 0),
            titles: Titles { path: Path::default(), titles: Rc::from([]) },
            meter: Meter::new(tick),
        }
    }

    /// Where a chunk starts that takes what follows `at`: without blank lines, but with the first
    /// line's indentation, unless that alone would not fit.
    fn begin(&mut self, at: usize) -> usize {
        let (text, meter) = (self.text, &mut self.meter);
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
        // A space with a combining mark on it is a cluster that is not blank.
        let cluster = match (char_before(text, first), char_at(text, first)) {
            (Some(a), Some(b)) if join(a, b) == Join::Joined => first - a.len_utf8(),
            _ => first,
        };
        for start in [line.filter(|&line| line < cluster), Some(cluster)].into_iter().flatten() {
            if start == first {
                break;
            }
            let limit = self.measure.reach(text, start, meter).limit;
            // Both the blank and a whole cluster after it have to fit.
            let fits = limit == text.len()
                || graphemes::last_boundary(text, start, limit, meter)
                    .is_some_and(|end| end > first);
            if fits {
                return start;
            }
        }
        first
    }

    /// Where to end a chunk that starts at `start` and has to take something from `fresh` on.
    fn cut(
        &mut self,
        structure: &mut Structure<'t>,
        start: usize,
        fresh: usize,
    ) -> Option<Cut<'t>> {
        let (text, meter) = (self.text, &mut self.meter);
        let reach = self.measure.reach(text, start, meter);
        if reach.limit >= text.len() {
            return Some(Cut { end: text.len(), path: Path::default() });
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
        structure.read(&window, &self.measure, meter);
        // First the second half, then anywhere.
        for lowest in [reach.half.max(fresh + 1), fresh + 1] {
            if let Some(cut) = structure.best(text, &window, lowest, meter) {
                return Some(cut);
            }
            if !structure.is_solid()
                && let Some(end) = fine_cut(text, &window, lowest, meter)
            {
                return Some(Cut { end, path: structure.path() });
            }
        }
        // One cluster that is larger than a chunk.
        (start == fresh).then(|| {
            let (end, _) = trim_end(text, start, window.limit, meter);
            Cut { end, path: structure.path() }
        })
    }

    /// Where the next chunk starts if it repeats the end of the previous one.
    fn overlap(&mut self) -> Option<usize> {
        let (from, to, size) = self.previous?;
        if self.measure.overlap == 0 {
            return None;
        }
        let (text, meter) = (self.text, &mut self.meter);
        let lowest = self.measure.overlap(text, (from, to), size, meter);
        // Not before the chunk's own section: its heading path would be that of another. And after
        // the start of the previous chunk, which would otherwise be contained in this one.
        let next = from + char_at(text, from).map_or(1, char::len_utf8);
        let lowest = lowest.max(next).max(self.path.since);
        if lowest >= to {
            return None;
        }
        let middle = text.floor_char_boundary(lowest + (to - lowest) / 2);
        // A sentence, unless that gives up more than half of the overlap.
        for (kind, last) in [(Kind::Sentence, middle), (Kind::Word, to)] {
            let found = fine::first_boundary(kind, text, lowest, last, &mut self.meter);
            if let Some(found) = found {
                let start = self.begin(found);
                if start < to {
                    return Some(start);
                }
            }
        }
        None
    }

    fn titles(&mut self, path: &Path<'t>) -> Rc<[&'t str]> {
        let same = match (&path.innermost, &self.titles.path.innermost) {
            (Some(a), Some(b)) => Rc::ptr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        if !same {
            let mut titles = Vec::new();
            let mut heading = path.innermost.as_ref();
            while let Some(inner) = heading {
                titles.push(inner.title);
                heading = inner.outer.as_ref();
            }
            titles.reverse();
            self.titles = Titles { path: path.clone(), titles: titles.into() };
        }
        self.titles.titles.clone()
    }

    /// The character offset of a position, counted from the last one asked for.
    fn offset(&mut self, at: usize) -> usize {
        let (byte, chars) = self.counted;
        let chars = if at >= byte {
            chars + count_chars(self.text, byte, at, &mut self.meter)
        } else {
            chars - count_chars(self.text, at, byte, &mut self.meter)
        };
        self.counted = (at, chars);
        chars
    }
}

/// The best end of content in the window, at `lowest` or later, of those below the rank of a line.
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
    for kind in [Kind::Sentence, Kind::Word] {
        let mut found = fine::last_boundary(kind, text, lowest, window.gap_end, meter);
        if kind == Kind::Word && between_flags {
            // In a long row of flags only its start tells where one ends.
            let flags = graphemes::last_boundary(text, window.start, window.limit, meter);
            found = found.max(flags.filter(|&at| is_between_flags(text, window.start, at, meter)));
        }
        if let Some(found) = found {
            let (end, _) = trim_end(text, window.start, found, meter);
            // Otherwise all from `lowest` to `found` is blank, and earlier ones would not do either.
            if end >= lowest {
                return Some(end);
            }
        }
    }
    let found = graphemes::last_boundary(text, window.start, window.limit, meter)?;
    let (end, _) = trim_end(text, window.start, found, meter);
    (end >= lowest).then_some(end)
}

/// Whether a cluster boundary in a row of flags is one of words too. Both pair up the halves from the
/// row's start, but for words a mark within the row does not end it.
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

impl<'t, T: FnMut()> Iterator for Chunks<'t, T> {
    type Item = Chunk<'t>;

    fn next(&mut self) -> Option<Chunk<'t>> {
        let mut structure = match self.structure.take() {
            Some(structure) => structure,
            None => {
                let (end, _) = trim_end(self.text, 0, self.text.len(), &mut self.meter);
                self.text = &self.text[..end];
                Structure::new(self.options.format, self.text, &mut self.meter)
            }
        };
        let text = self.text;
        let fresh = self.begin(self.at);
        if fresh >= text.len() {
            self.structure = Some(structure);
            return None;
        }
        if let Some(path) = structure.enter(fresh, &self.measure, &mut self.meter) {
            self.path = path;
        }
        let mut start = self.overlap().unwrap_or(fresh);
        let mut cut = self.cut(&mut structure, start, fresh);
        if cut.is_none() && start < fresh {
            start = fresh;
            cut = self.cut(&mut structure, start, fresh);
        }
        self.structure = Some(structure);
        let cut = cut?;
        let path = std::mem::replace(&mut self.path, cut.path);
        let (start_offset, end_offset) = (self.offset(start), self.offset(cut.end));
        let size = match self.options.unit {
            super::Unit::Characters => end_offset - start_offset,
            super::Unit::Words => self.measure.size(text, start, cut.end, &mut self.meter),
        };
        self.at = cut.end;
        self.previous = Some((start, cut.end, size));
        Some(Chunk {
            content: &text[start..cut.end],
            start: start_offset,
            end: end_offset,
            byte_start: start,
            byte_end: cut.end,
            size,
            heading_path: self.titles(&path),
        })
    }
}
