//! Calls the caller's `tick` in proportion to the work done, so that a cancel takes effect in time.

/// Bytes of work between two ticks, at most. Half of the promised 64 KiB, because a loop reports
/// its work after up to [`MAX_STEP`] bytes.
pub(crate) const QUANTUM: usize = 32 * 1024;

/// Bytes of input that a loop processes before it reports, at most.
pub(crate) const MAX_STEP: usize = 16 * 1024;

pub(crate) struct Meter<T> {
    tick: T,
    left: usize,
}

impl<T: FnMut()> Meter<T> {
    pub(crate) fn new(tick: T) -> Self {
        Meter { tick, left: QUANTUM }
    }

    /// Reports that about `bytes` bytes were processed. Unwinds if the tick does.
    #[inline]
    pub(crate) fn work(&mut self, bytes: usize) {
        if bytes < self.left {
            self.left -= bytes;
        } else {
            self.left = QUANTUM;
            (self.tick)();
        }
    }
}
