//! Units in which chunks are measured: the reach of a chunk, and its size.
//!
//! A new unit is a new arm of each function here and nothing else. The cutter assumes that the size
//! of `text[a..b]` hardly ever shrinks when `b` grows. In tokens it can; the cutter then checks the
//! size of the chunk and cuts again.

use std::ops::ControlFlow;

use super::boundary::Reach;
use super::meter::Meter;
use super::options::{Options, Unit};
use super::space::{advance_chars, retreat_chars};
use super::tokens::Tokens;
use super::words::{count_words, each_word};

/// Upper bound on a chunk's characters for each word that it may have, so that text without words
/// is cut too.
pub(super) const CHARACTERS_PER_WORD: usize = 8;

pub(super) struct Measure {
    unit: Gauge,
    pub(super) size: usize,
    pub(super) overlap: usize,
}

enum Gauge {
    Characters,
    Words,
    Tokens(Box<Tokens>),
}

impl Measure {
    pub(super) fn new(options: &Options) -> Self {
        let unit = match options.unit {
            Unit::Characters => Gauge::Characters,
            Unit::Words => Gauge::Words,
            Unit::Tokens(encoding) => Gauge::Tokens(Box::new(Tokens::new(encoding))),
        };
        Measure { unit, size: options.chunk_size, overlap: options.chunk_overlap }
    }

    /// Prepares for another stretch of the text: remembered tokens are found by position.
    pub(super) fn forget_positions(&mut self) {
        if let Gauge::Tokens(tokens) = &mut self.unit {
            tokens.forget_positions();
        }
    }

    pub(super) fn reach<T: FnMut()>(
        &mut self,
        text: &str,
        from: usize,
        meter: &mut Meter<T>,
    ) -> Reach {
        match &mut self.unit {
            Gauge::Characters => {
                let first = self.size.div_ceil(2);
                let half = advance_chars(text, from, first, meter);
                Reach { half, limit: advance_chars(text, half, self.size - first, meter) }
            }
            Gauge::Words => {
                let characters = self.size.saturating_mul(CHARACTERS_PER_WORD);
                let middle = advance_chars(text, from, characters.div_ceil(2), meter);
                let end = advance_chars(text, middle, characters / 2, meter);
                let (mut count, mut half, mut limit) = (0, middle, end);
                each_word(text, from, end, meter, |start, stop| {
                    count += 1;
                    if count == self.size.div_ceil(2) {
                        // A word that is cut inside counts as one word.
                        let mut word = text[start..stop].char_indices();
                        let first = word.find(|(_, c)| c.is_alphanumeric());
                        half = first.map_or(stop, |(at, c)| start + at + c.len_utf8());
                    }
                    if count <= self.size {
                        return ControlFlow::Continue(());
                    }
                    limit = start;
                    ControlFlow::Break(())
                });
                // Half of the unit that ran out: words, or else characters.
                Reach { half: if count > self.size { half } else { middle }, limit }
            }
            Gauge::Tokens(tokens) => tokens.reach(text, from, self.size, meter),
        }
    }

    pub(super) fn fits<T: FnMut()>(
        &mut self,
        text: &str,
        from: usize,
        to: usize,
        meter: &mut Meter<T>,
    ) -> bool {
        // No unit has more than one per byte.
        to - from <= self.size
            || self.reach(text, from, meter).limit >= to
                && self.size(text, from, to, meter).is_none_or(|size| size <= self.size)
    }

    /// Size of `text[from..to]`. None for characters: the caller computes it from offsets.
    pub(super) fn size<T: FnMut()>(
        &mut self,
        text: &str,
        from: usize,
        to: usize,
        meter: &mut Meter<T>,
    ) -> Option<usize> {
        match &mut self.unit {
            Gauge::Characters => None,
            Gauge::Words => Some(count_words(text, from, to, meter)),
            Gauge::Tokens(tokens) => Some(tokens.size(text, from, to, meter)),
        }
    }

    /// First position in the chunk `text[from..to]` after which its text fits into the overlap.
    /// `size` is the chunk's size. In tokens, the result is approximate: the text after it is not
    /// counted by itself.
    pub(super) fn overlap<T: FnMut()>(
        &mut self,
        text: &str,
        (from, to): (usize, usize),
        size: usize,
        meter: &mut Meter<T>,
    ) -> usize {
        match &mut self.unit {
            Gauge::Characters => retreat_chars(text, from, to, self.overlap, meter),
            Gauge::Words => {
                let mut skip = size.saturating_sub(self.overlap);
                let mut first = from;
                each_word(text, from, to, meter, |_, stop| {
                    if skip == 0 {
                        return ControlFlow::Break(());
                    }
                    skip -= 1;
                    first = stop;
                    ControlFlow::Continue(())
                });
                first
            }
            Gauge::Tokens(tokens) => {
                let skip = size.saturating_sub(self.overlap);
                tokens.skip(text, (from, to), skip, meter)
            }
        }
    }
}
