//! Counts words (UAX #29, as `unicode_words` yields them) window by window, so that neither one
//! huge word nor a long text is processed without a tick.

use std::ops::ControlFlow;

use unicode_segmentation::UnicodeSegmentation;

use super::chars::{char_at, scan_back};
use super::graphemes::{is_flag_half, is_mark};
use super::meter::{MAX_STEP, Meter};

/// True for a character from which segmentation can start. Text before it does not move the
/// boundaries after it, and text after it does not decide about a boundary before it.
///
/// False for combining characters, which attach to the text before them; for `.` and `'` and the
/// like, which are inside a word between letters; and for halves of flags, which pair up.
pub(super) fn is_base(c: char) -> bool {
    if c.is_ascii() {
        return !matches!(c, '.' | ',' | ':' | ';' | '\'' | '"');
    }
    let joins = |before: &str, after: &str| {
        let mut probe = String::from(before);
        probe.push(c);
        probe.push_str(after);
        probe.split_word_bounds().nth(1).is_none()
    };
    c.is_whitespace()
        || !is_flag_half(c)
            && !is_mark(c)
            && (c.is_alphanumeric() || !joins("a", "a") && !joins("1", "1"))
}

/// Calls `word(start, end)` for every word of `text[from..to]`, in order, until it breaks. The text
/// is segmented as if it began at `from` and ended at `to`.
pub(super) fn each_word<T: FnMut()>(
    text: &str,
    from: usize,
    to: usize,
    meter: &mut Meter<T>,
    mut word: impl FnMut(usize, usize) -> ControlFlow<()>,
) {
    let mut at = from;
    while at < to {
        let stop = text.floor_char_boundary((at + MAX_STEP).min(to));
        let resume = if stop == to { Some(stop) } else { resume_at(text, at, stop) };
        meter.work(resume.map_or(stop, |to| to) - at);
        match resume {
            Some(resume) => {
                for (start, found) in text[at..resume].unicode_word_indices() {
                    if word(at + start, at + start + found.len()).is_break() {
                        return;
                    }
                }
                at = resume;
            }
            // One segment fills the window: a huge word, or a huge run of spaces or combining
            // characters.
            None => {
                let end = segment_end(text, at, to, meter);
                let is_word = any_alphanumeric(&text[at..end], meter);
                if is_word && word(at, end).is_break() {
                    return;
                }
                at = end;
            }
        }
    }
}

/// Last boundary inside `text[at..stop]` that text after `stop` cannot remove: a boundary before a
/// base. Before `'`, for example, the next window could continue the word.
fn resume_at(text: &str, at: usize, stop: usize) -> Option<usize> {
    // A boundary is usually near the end. Forward only: the iterator looks back from `stop`.
    for back in [256, 2048] {
        let floor = text.ceil_char_boundary(stop.saturating_sub(back).max(at));
        let Some(start) = base_before(text, at, floor) else { continue };
        let bounds = text[start..stop].split_word_bound_indices();
        let last = bounds
            .map(|(offset, _)| start + offset)
            .filter(|&found| found > start && char_at(text, found).is_some_and(is_base))
            .fold(None, |_, found| Some(found));
        if last.is_some() {
            return last;
        }
    }
    // Flags or apostrophes and nothing else: the 64 bytes after a boundary decide about it.
    let bounds = text[at..stop].split_word_bound_indices();
    bounds
        .map(|(offset, _)| at + offset)
        .filter(|&found| found > at && found + 64 < stop)
        .fold(None, |_, found| Some(found))
}

/// Last position in `[from, at]` from which segmentation can start, among the last 64 characters.
/// `from` counts as one.
pub(super) fn base_before(text: &str, from: usize, at: usize) -> Option<usize> {
    scan_back(text, from, at, 64, |c, before| {
        is_base(c) || is_flag_half(c) && !before.is_some_and(is_flag_half)
    })
}

/// End of the segment that starts at `at` and is longer than a window.
fn segment_end<T: FnMut()>(text: &str, at: usize, to: usize, meter: &mut Meter<T>) -> usize {
    // Stands for the text before a window: the last base, and the last character if that is a
    // combining character, since a ZWJ right before a pictograph counts.
    let mut context = String::new();
    let mut at = at;
    loop {
        let stop = text.floor_char_boundary((at + MAX_STEP).min(to));
        let window = &text[at..stop];
        meter.work(window.len());
        let end = if context.is_empty() {
            window.split_word_bound_indices().map(|(start, _)| start).find(|&start| start > 0)
        } else {
            let skip = context.len();
            context.push_str(window);
            let mut bounds = context.split_word_bound_indices().map(|(start, _)| start);
            bounds.find(|&start| start >= skip).map(|start| start - skip)
        };
        match end {
            // Text after the window may continue a word near its end.
            Some(end) if stop == to || end + 64 < window.len() => return at + end,
            _ if stop == to => return to,
            _ => {}
        }
        let base = window.char_indices().rfind(|&(_, c)| is_base(c));
        let kept = context.chars().next();
        context.clear();
        match base {
            Some((offset, _)) if offset > 0 => at += offset,
            _ => {
                context.extend(base.map(|(_, c)| c).or(kept));
                context.extend(window.chars().next_back().filter(|&c| is_mark(c)));
                at = stop;
            }
        }
    }
}

fn any_alphanumeric<T: FnMut()>(text: &str, meter: &mut Meter<T>) -> bool {
    let mut at = 0;
    while at < text.len() {
        let stop = text.floor_char_boundary((at + MAX_STEP).min(text.len()));
        if text[at..stop].contains(char::is_alphanumeric) {
            return true;
        }
        meter.work(stop - at);
        at = stop;
    }
    false
}

/// Number of words in `text[from..to]`.
pub(super) fn count_words<T: FnMut()>(
    text: &str,
    from: usize,
    to: usize,
    meter: &mut Meter<T>,
) -> usize {
    let mut count = 0;
    each_word(text, from, to, meter, |_, _| {
        count += 1;
        ControlFlow::Continue(())
    });
    count
}
