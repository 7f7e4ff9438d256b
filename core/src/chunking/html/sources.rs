//! From where in the source the text of a page is.

use std::collections::VecDeque;

/// The runs of text, in order.
#[derive(Default)]
pub(super) struct Sources {
    runs: VecDeque<Run>,
}

/// Text from `text` on, to the next run.
struct Run {
    text: usize,
    source: usize,
    /// How much of the source all of it stands for; otherwise it is what the source says.
    whole: Option<usize>,
}

impl Sources {
    /// Takes note of text that is what the source says.
    pub(super) fn push(&mut self, text: usize, source: usize) {
        let goes_on = self.runs.back().is_some_and(|last| {
            last.whole.is_none() && source.checked_sub(last.source) == Some(text - last.text)
        });
        if !goes_on {
            self.runs.push_back(Run { text, source, whole: None });
        }
    }

    /// Takes note of text that all of `from..to` of the source stands for.
    pub(super) fn push_whole(&mut self, text: usize, (from, to): (usize, usize)) {
        self.runs.push_back(Run { text, source: from, whole: Some(to - from) });
    }

    /// Where what begins at this position of the text begins in the source.
    pub(super) fn start(&self, at: usize) -> usize {
        let found = self.runs.partition_point(|run| run.text <= at).checked_sub(1);
        found.map_or(0, |found| {
            let Run { text, source, whole } = self.runs[found];
            if whole.is_some() { source } else { source + (at - text) }
        })
    }

    /// Where what ends at this position of the text ends in the source.
    pub(super) fn end(&self, at: usize) -> usize {
        let found = self.runs.partition_point(|run| run.text < at).checked_sub(1);
        found.map_or(0, |found| {
            let Run { text, source, whole } = self.runs[found];
            source + whole.unwrap_or(at - text)
        })
    }

    /// Forgets the first bytes of the text.
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
