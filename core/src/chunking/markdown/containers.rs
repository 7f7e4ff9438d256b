//! Open containers of Markdown: block quotes and list items.

use super::line::LineCursor;

/// Depth limit of containers. Each one costs a check at every line: without a limit, hostile input
/// would take quadratic time.
pub(super) const MAX_DEPTH: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Quote,
    /// List item: columns that its content is indented, and true while it has no content.
    Item {
        width: usize,
        empty: bool,
    },
}

/// Open containers, outermost first.
#[derive(Default)]
pub(super) struct Containers {
    open: Vec<Container>,
    /// Containers that stayed open since the last block began, and the list items among them.
    kept: usize,
    kept_items: usize,
}

impl Containers {
    /// Number of open containers.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Number of open containers that the line continues. Their markers are consumed.
    pub(super) fn match_line(&mut self, line: &mut LineCursor<'_>) -> usize {
        for (depth, container) in self.open.iter_mut().enumerate() {
            let goes_on = match container {
                Container::Quote => line.consume_quote(),
                // An item that begins with two blank lines is over.
                Container::Item { empty, .. } if line.is_blank() => !*empty,
                Container::Item { width, empty } => {
                    let inside = line.indent() >= *width;
                    if inside {
                        line.consume_columns(*width);
                        *empty = false;
                    }
                    inside
                }
            };
            if !goes_on {
                return depth;
            }
        }
        self.open.len()
    }

    /// Opens a container inside the first `depth` ones. At `matched`, the unmatched ones are
    /// closed.
    pub(super) fn push(&mut self, depth: &mut usize, matched: usize, container: Container) {
        if *depth == matched {
            self.truncate(matched);
        }
        self.open.push(container);
        *depth += 1;
    }

    /// Closes all but the first `depth` containers.
    pub(super) fn truncate(&mut self, depth: usize) {
        self.open.truncate(depth);
        self.kept = self.kept.min(depth);
        self.kept_items = self.kept_items.min(self.items());
    }

    /// Begins a block. Returns the containers that both it and the block before it are in: their
    /// number, and the number of list items among them.
    pub(super) fn begin_block(&mut self) -> (usize, usize) {
        let shared = (self.kept, self.kept_items);
        (self.kept, self.kept_items) = (self.open.len(), self.items());
        shared
    }

    fn items(&self) -> usize {
        self.open.iter().filter(|c| matches!(c, Container::Item { .. })).count()
    }
}
