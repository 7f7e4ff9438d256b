//! Calls the caller's `tick` in proportion to the work done, so that a cancel is obeyed in time.

/// At least one tick in so many bytes of work. Half of what is promised, because a loop reports its
/// work after a piece of up to [`PIECE`] bytes.
const QUANTUM: usize = 32 * 1024;

/// The largest piece of input that any loop works through before it reports.
pub(super) const PIECE: usize = 16 * 1024;

pub(super) struct Meter<T> {
    tick: T,
    left: usize,
}

impl<T: FnMut()> Meter<T> {
    pub(super) fn new(tick: T) -> Self {
        Meter { tick, left: QUANTUM }
    }

    /// Reports that about `bytes` bytes were worked through. May unwind, if the tick does.
    #[inline]
    pub(super) fn work(&mut self, bytes: usize) {
        if bytes < self.left {
            self.left -= bytes;
        } else {
            self.left = QUANTUM;
            (self.tick)();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunking::{graphemes, space, words};

    /// Fails if `work` on 1 MiB of text ticks less often than promised.
    fn assert_ticks(piece: &str, work: impl Fn(&str, &mut Meter<&mut dyn FnMut()>)) {
        let text = piece.repeat((1 << 20) / piece.len());
        let mut ticks = 0;
        let mut tick = || ticks += 1;
        work(&text, &mut Meter::new(&mut tick));
        assert!(ticks >= 16, "{piece:?}: {ticks}");
    }

    #[test]
    fn every_walk_over_text_ticks() {
        assert_ticks(" ", |text, meter| {
            space::skip_space(text, 0, meter);
        });
        assert_ticks("\n", |text, meter| {
            space::trim_end(text, 0, text.len(), meter);
        });
        assert_ticks("a", |text, meter| {
            space::find_newline(text, 0, text.len(), meter);
        });
        assert_ticks("a", |text, meter| {
            space::rfind_newline(text, 0, text.len(), meter);
        });
        for piece in ["a", "é", "漢"] {
            assert_ticks(piece, |text, meter| {
                space::count_chars(text, 0, text.len(), meter);
            });
            assert_ticks(piece, |text, meter| {
                space::advance_chars(text, 0, text.len(), meter);
            });
            assert_ticks(piece, |text, meter| {
                space::retreat_chars(text, 0, text.len(), text.len(), meter);
            });
        }
        for piece in ["a", "a b ", "\u{301}", "🇩", " ", "'", "👩\u{200D}"] {
            assert_ticks(piece, |text, meter| {
                words::count_words(text, 0, text.len(), meter);
            });
        }
    }

    #[test]
    fn both_ways_of_a_search_for_a_cluster_tick() {
        for piece in ["\u{301}", "🇩", "\u{600}"] {
            let text = piece.repeat((1 << 20) / piece.len());
            let mut ticks = 0;
            let to = text.len() - piece.len();
            graphemes::last_boundary(&text, 0, to, &mut Meter::new(|| ticks += 1));
            // The way back reports its work eightfold.
            let back = (8 << 20) / QUANTUM;
            assert!(ticks >= back + 16, "{piece:?}: {ticks}");
        }
    }
}
