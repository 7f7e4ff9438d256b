//! Arguments of many statements, in one memory context.

use super::connection::Arg;
use crate::pg::scratch::Scratch;

/// Arguments of statements, with the memory context that holds them.
pub struct Args<const N: usize> {
    memory: Scratch,
    rows: Vec<[Arg; N]>,
}

impl<const N: usize> Args<N> {
    pub fn new(name: &str) -> Self {
        Self { memory: Scratch::new(name), rows: Vec::new() }
    }

    /// Adds the arguments returned by `make`.
    pub fn push(&mut self, make: impl FnOnce() -> [Arg; N]) {
        let row = self.memory.during(make);
        self.rows.push(row);
    }

    pub fn rows(&self) -> &[[Arg; N]] {
        &self.rows
    }

    /// Drops all arguments and frees their memory.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.memory.reset();
    }
}
