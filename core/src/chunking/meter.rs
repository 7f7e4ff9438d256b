//! Calls the caller's `tick` in proportion to the work done, so that a cancel is obeyed in time.

/// At least one tick in so many bytes of work. Half of what is promised, because a loop reports its
/// work after a piece of up to [`MAX_STEP`] bytes.
pub(super) const QUANTUM: usize = 32 * 1024;

/// The largest piece of input that any loop works through before it reports.
pub(super) const MAX_STEP: usize = 16 * 1024;

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
