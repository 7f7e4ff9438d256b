//! Origin of rendered text.

/// Origin of text in the source.
#[derive(Clone, Copy)]
pub(super) enum Origin {
    /// Copied from this position on.
    Same(usize),
    Reference((usize, usize)),
}

impl Origin {
    /// Origin of the text after its first `skipped` bytes.
    pub(super) fn after(self, skipped: usize) -> Self {
        match self {
            Origin::Same(from) => Origin::Same(from + skipped),
            Origin::Reference(_) => self,
        }
    }

    pub(super) fn start(self) -> usize {
        match self {
            Origin::Same(from) | Origin::Reference((from, _)) => from,
        }
    }
}
