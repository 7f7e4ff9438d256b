//! Positions in the source of a page, by position in its rendered text.

use std::collections::VecDeque;

/// Runs of text, in order.
#[derive(Default)]
pub(super) struct Sources {
    runs: VecDeque<Run>,
}

/// Run of text from `text` to the next run.
struct Run {
    text: usize,
    source: usize,
    /// Length of the source if all of it is the origin of all of the run; None if the run is a
    /// copy.
    whole: Option<usize>,
}

impl Sources {
    /// Adds text that is a copy of the source.
    pub(super) fn push(&mut self, text: usize, source: usize) {
        let goes_on = self.runs.back().is_some_and(|last| {
            last.whole.is_none() && source.checked_sub(last.source) == Some(text - last.text)
        });
        if !goes_on {
            self.runs.push_back(Run { text, source, whole: None });
        }
    }

    /// Adds text whose origin is all of `from..to`, such as a character reference.
    pub(super) fn push_whole(&mut self, text: usize, (from, to): (usize, usize)) {
        self.runs.push_back(Run { text, source: from, whole: Some(to - from) });
    }

    /// Start in the source of text that starts at `at`.
    pub(super) fn start(&self, at: usize) -> usize {
        let found = self.runs.partition_point(|run| run.text <= at).checked_sub(1);
        found.map_or(0, |found| {
            let Run { text, source, whole } = self.runs[found];
            if whole.is_some() { source } else { source + (at - text) }
        })
    }

    /// End in the source of text that ends at `at`.
    pub(super) fn end(&self, at: usize) -> usize {
        let found = self.runs.partition_point(|run| run.text < at).checked_sub(1);
        found.map_or(0, |found| {
            let Run { text, source, whole } = self.runs[found];
            source + whole.unwrap_or(at - text)
        })
    }

    /// Drops the first `by` bytes of the text.
    pub(super) fn drop_front(&mut self, by: usize) {
        let done = self.runs.partition_point(|run| run.text <= by).saturating_sub(1);
        self.runs.drain(..done);
        for run in &mut self.runs {
            if run.whole.is_none() {
                run.source += by.saturating_sub(run.text);
            }
            run.text = run.text.saturating_sub(by);
        }
    }
}
