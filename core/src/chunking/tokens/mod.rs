//! Counts tokens exactly, as tiktoken does: `split` cuts the text into pretokens, and each pretoken
//! is encoded by itself.
//!
//! The end of a pretoken and its number of tokens depend on nothing before it. They are therefore
//! remembered by position, and chunks that begin elsewhere find them again. A pretoken can be as
//! long as the text: those beyond [`LONG`] bytes are encoded window by window.

mod classes;
mod encoder;
mod split;

use std::ops::ControlFlow;

use super::boundary::Reach;
use super::meter::Meter;
use super::options::Encoding;
use encoder::{Encoder, LONG};
use split::pretoken_end;

/// Positions that are remembered.
const SLOTS: usize = 1 << 14;
/// A pretoken that ends this many bytes before the end of the text does not depend on text after
/// it. Either the next few characters decide, or whether a row of capitals continues in small
/// letters; then the pretoken ends before the row or after it.
const SAFE: usize = 16;
/// Bytes of the longest token of any encoding.
pub(super) const LONGEST_TOKEN: usize = 128;
/// Tokens beyond the limit at which the search for a longer prefix with fewer tokens ends.
const SLACK: usize = 8;

/// Returns the number of tokens of a text. `tick` is called as in [`chunks`](super::chunks).
pub fn count<T: FnMut()>(text: &str, encoding: Encoding, tick: T) -> usize {
    Tokens::new(encoding).count(text, &mut Meter::new(tick))
}

/// Counts the tokens of one text and of its parts.
pub(super) struct Tokens {
    encoding: Encoding,
    encoder: Encoder,
    /// Empty until the first pretoken is remembered.
    slots: Vec<Slot>,
}

/// Pretoken that starts at a position.
#[derive(Clone, Copy)]
struct Slot {
    start: usize,
    pretoken: Pretoken,
}

#[derive(Clone, Copy)]
struct Pretoken {
    end: usize,
    tokens: usize,
}

impl Tokens {
    pub(super) fn new(encoding: Encoding) -> Self {
        Tokens { encoding, encoder: Encoder::new(encoding), slots: Vec::new() }
    }

    /// Forgets the remembered pretokens: the text at their positions changed.
    pub(super) fn forget_positions(&mut self) {
        self.slots.clear();
    }

    /// Reach of a chunk of `size` tokens from `from`. An end inside a pretoken is counted as if no
    /// text followed it.
    pub(super) fn reach<T: FnMut()>(
        &mut self,
        text: &str,
        from: usize,
        size: usize,
        meter: &mut Meter<T>,
    ) -> Reach {
        let (mut at, mut count) = (from, 0);
        let mut half = None;
        while at < text.len() {
            let left = size - count;
            let pretoken = self.pretoken(text, at, left, meter);
            let (end, tokens) = match pretoken {
                Ok(pretoken) => (pretoken.end, pretoken.tokens),
                Err(_) => (text.len(), usize::MAX),
            };
            let middle = size.div_ceil(2) - count.min(size.div_ceil(2));
            if half.is_none() && tokens >= middle {
                let start = pretoken.err().filter(|done| done.tokens < middle);
                half = Some(self.first_of(text, at, end, start, middle, meter));
            }
            if tokens > left {
                let limit = self.last_within(text, at, end, pretoken.err(), left, meter);
                return Reach { half: half.unwrap_or(limit).min(limit), limit };
            }
            (at, count) = (end, count + tokens);
        }
        Reach { half: half.unwrap_or(at), limit: at }
    }

    /// Number of tokens of `text[from..to]` by itself.
    pub(super) fn size<T: FnMut()>(
        &mut self,
        text: &str,
        from: usize,
        to: usize,
        meter: &mut Meter<T>,
    ) -> usize {
        // Text after white space decides about its pretokens.
        let end = from + text[from..to].trim_end().len();
        let (mut at, mut count) = (from, 0);
        while let Some(pretoken) = self.short(text, at, end.saturating_sub(at) + SAFE, meter)
            && pretoken.end + SAFE <= end
        {
            (at, count) = (pretoken.end, count + pretoken.tokens);
        }
        count + self.count(&text[at..to], meter)
    }

    /// First position in `text[from..to]` after `skip` tokens.
    pub(super) fn skip<T: FnMut()>(
        &mut self,
        text: &str,
        (from, to): (usize, usize),
        skip: usize,
        meter: &mut Meter<T>,
    ) -> usize {
        let (mut at, mut count) = (from, 0);
        while at < to && count < skip {
            let left = skip - count;
            match self.pretoken(text, at, left, meter) {
                Ok(pretoken) if pretoken.tokens <= left => {
                    (at, count) = (pretoken.end, count + pretoken.tokens);
                }
                Ok(pretoken) => {
                    return self.first_of(text, at, pretoken.end, None, left, meter).min(to);
                }
                Err(done) => {
                    return self.first_of(text, at, text.len(), Some(done), left, meter).min(to);
                }
            }
        }
        at.min(to)
    }

    fn count<T: FnMut()>(&mut self, text: &str, meter: &mut Meter<T>) -> usize {
        let (mut at, mut count) = (0, 0);
        while at < text.len() {
            let stop = text.floor_char_boundary((at + LONG).min(text.len()));
            let (end, tokens) =
                match pretoken_end(self.encoding, text, at, stop, &mut |bytes| meter.work(bytes)) {
                    Ok(end) => (end, self.encoder.count(&text.as_bytes()[at..end])),
                    Err(_) => match self.long(text, at, LONG, usize::MAX, meter) {
                        Ok(pretoken) => (pretoken.end, pretoken.tokens),
                        // Never: no pretoken has more tokens than this limit.
                        Err(done) => (text.len(), done.tokens),
                    },
                };
            meter.work(end - at);
            (at, count) = (end, count + tokens);
        }
        count
    }

    /// Pretoken that starts at `at`. Err with a prefix of it that surely has at most `most` tokens
    /// if the pretoken is long and has more.
    fn pretoken<T: FnMut()>(
        &mut self,
        text: &str,
        at: usize,
        most: usize,
        meter: &mut Meter<T>,
    ) -> Result<Pretoken, Pretoken> {
        // `most` tokens reach no further.
        let near = most.saturating_add(1).saturating_mul(LONGEST_TOKEN).min(LONG);
        match self.short(text, at, near, meter) {
            Some(pretoken) => Ok(pretoken),
            None => self.long(text, at, near, most, meter),
        }
    }

    /// Pretoken that starts at `at`, if it is not long and ends within `near` bytes.
    fn short<T: FnMut()>(
        &mut self,
        text: &str,
        at: usize,
        near: usize,
        meter: &mut Meter<T>,
    ) -> Option<Pretoken> {
        if self.slots.is_empty() {
            let empty = Slot { start: usize::MAX, pretoken: Pretoken { end: 0, tokens: 0 } };
            self.slots.resize(SLOTS, empty);
        }
        let slot = &mut self.slots[at % SLOTS];
        if slot.start == at {
            meter.work(1);
            return Some(slot.pretoken);
        }
        if at >= text.len() {
            return None;
        }
        let stop = text.floor_char_boundary((at + near.min(LONG)).min(text.len()));
        let Ok(end) = pretoken_end(self.encoding, text, at, stop, &mut |bytes| meter.work(bytes))
        else {
            meter.work(stop - at);
            return None;
        };
        meter.work(end - at);
        let pretoken = Pretoken { end, tokens: self.encoder.count(&text.as_bytes()[at..end]) };
        *slot = Slot { start: at, pretoken };
        Some(pretoken)
    }

    /// Long pretoken that starts at `at`. Its end is searched in step with its tokens: otherwise
    /// each of its many chunks would read it to its end.
    fn long<T: FnMut()>(
        &mut self,
        text: &str,
        at: usize,
        near: usize,
        most: usize,
        meter: &mut Meter<T>,
    ) -> Result<Pretoken, Pretoken> {
        let mut windows = self.encoder.windows(&text.as_bytes()[at..]);
        let mut seen = 2 * near;
        loop {
            let stop = text.floor_char_boundary((at + seen).min(text.len()));
            meter.work(stop - at);
            let end = pretoken_end(self.encoding, text, at, stop, &mut |bytes| meter.work(bytes));
            let (Ok(known) | Err(known)) = end;
            loop {
                let (length, tokens) = windows.done();
                if windows.next_exceeds(known - at, most - tokens) {
                    meter.work(4 * (most - tokens));
                    return Err(Pretoken { end: at + length, tokens });
                }
                let went_on = windows.step(known - at, end.is_ok());
                meter.work(4 * windows.done().0.saturating_sub(length));
                if windows.done().1 > most {
                    return Err(Pretoken { end: at + length, tokens });
                }
                if !went_on {
                    break;
                }
            }
            if let Ok(end) = end {
                return Ok(Pretoken { end, tokens: windows.done().1 });
            }
            seen *= 2;
        }
    }

    /// Last end of a character in the pretoken `text[at..end]` up to which it has at most `most`
    /// tokens. `done` is a prefix with fewer.
    fn last_within<T: FnMut()>(
        &self,
        text: &str,
        at: usize,
        end: usize,
        done: Option<Pretoken>,
        most: usize,
        meter: &mut Meter<T>,
    ) -> usize {
        let Pretoken { end: from, tokens } = done.unwrap_or(Pretoken { end: at, tokens: 0 });
        let mut last = text.floor_char_boundary(from);
        self.encoder.each_prefix(&text.as_bytes()[from..end], |length, count| {
            let (to, count) = (from + length, tokens + count);
            if count <= most && text.is_char_boundary(to) {
                last = to;
            }
            meter.work(16);
            if count > most + SLACK { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        last
    }

    /// First end of a character in the pretoken `text[at..end]` up to which it has at least `least`
    /// tokens, or `end`.
    fn first_of<T: FnMut()>(
        &self,
        text: &str,
        at: usize,
        end: usize,
        done: Option<Pretoken>,
        least: usize,
        meter: &mut Meter<T>,
    ) -> usize {
        let Pretoken { end: from, tokens } = done.unwrap_or(Pretoken { end: at, tokens: 0 });
        let mut first = end;
        self.encoder.each_prefix(&text.as_bytes()[from..end], |length, count| {
            meter.work(16);
            if tokens + count < least || !text.is_char_boundary(from + length) {
                return ControlFlow::Continue(());
            }
            first = from + length;
            ControlFlow::Break(())
        });
        first
    }
}
