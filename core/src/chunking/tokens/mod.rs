//! Counting tokens exactly, as tiktoken does: `split` cuts the text into pretokens, and each pretoken is
//! encoded by itself.
//!
//! Where a pretoken ends, and of how many tokens it is, depends on nothing before it, so what was told
//! of one pretoken is remembered by its position, and chunks that begin elsewhere find it again. Pieces
//! can be as long as the text: those beyond [`LONG`] are encoded window by window.

mod classes;
mod encoder;
mod split;

use std::ops::ControlFlow;

use super::boundary::Reach;
use super::meter::Meter;
use super::options::Encoding;
use encoder::{Encoder, LONG};
use split::pretoken_end;

/// How many positions are remembered.
const SLOTS: usize = 1 << 14;
/// A pretoken that ends this many bytes before the text does is the same whatever comes after the text:
/// either the next few characters decide, or whether a row of capitals goes on in small letters, and
/// then the pretoken ends before the row or after it.
const SAFE: usize = 16;
/// No token of any encoding is of more bytes.
pub(super) const LONGEST_TOKEN: usize = 128;
/// How many more tokens a prefix of a text is looked at for having, in case a longer one has fewer.
const SLACK: usize = 8;

/// The number of tokens of a text. `tick` is called as for [`chunks`](super::chunks).
pub fn count<T: FnMut()>(text: &str, encoding: Encoding, tick: T) -> usize {
    Tokens::new(encoding).count(text, &mut Meter::new(tick))
}

/// Counts the tokens of one text, and of parts of it.
pub(super) struct Tokens {
    encoding: Encoding,
    encoder: Encoder,
    /// Empty until the first pretoken is remembered.
    slots: Vec<Slot>,
}

/// The pretoken that starts at a position.
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

    /// Forgets what is known by its position.
    pub(super) fn forget_positions(&mut self) {
        self.slots.clear();
    }

    /// How far a chunk of so many tokens may reach from `from`. What ends inside the last pretoken, or
    /// inside the one with the middle, is told as if nothing followed it.
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

    /// The number of tokens of `text[from..to]`, when that is all there is.
    pub(super) fn size<T: FnMut()>(
        &mut self,
        text: &str,
        from: usize,
        to: usize,
        meter: &mut Meter<T>,
    ) -> usize {
        // Pieces of whitespace are told by what follows the whitespace.
        let end = from + text[from..to].trim_end().len();
        let (mut at, mut count) = (from, 0);
        while let Some(pretoken) = self.short(text, at, end.saturating_sub(at) + SAFE, meter)
            && pretoken.end + SAFE <= end
        {
            (at, count) = (pretoken.end, count + pretoken.tokens);
        }
        count + self.count(&text[at..to], meter)
    }

    /// The first position in `text[from..to]` after so many tokens of it.
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
                        // Nothing is more than so many.
                        Err(done) => (text.len(), done.tokens),
                    },
                };
            meter.work(end - at);
            (at, count) = (end, count + tokens);
        }
        count
    }

    /// The pretoken that starts at `at`, or if that is long and of more tokens than `most`, as much of
    /// it as is surely within that.
    fn pretoken<T: FnMut()>(
        &mut self,
        text: &str,
        at: usize,
        most: usize,
        meter: &mut Meter<T>,
    ) -> Result<Pretoken, Pretoken> {
        // Not further than so many tokens can reach.
        let near = most.saturating_add(1).saturating_mul(LONGEST_TOKEN).min(LONG);
        match self.short(text, at, near, meter) {
            Some(pretoken) => Ok(pretoken),
            None => self.long(text, at, near, most, meter),
        }
    }

    /// The pretoken that starts at `at`, if it is no long one and ends within so many bytes.
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

    /// The same for a long one. How far it goes is found out in step with its tokens, lest each of
    /// the many chunks of a long pretoken read it to its end.
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

    /// The last character's end in the pretoken `text[at..end]` up to which it has no more than `most`
    /// tokens. What is `done` of it is known to have fewer.
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

    /// The first character's end in the pretoken `text[at..end]` up to which it has at least `least`
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
