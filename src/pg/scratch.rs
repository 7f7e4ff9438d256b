//! Reusable memory contexts.

use pgrx::memcxt::PgMemoryContexts;
use pgrx::pg_sys;

/// Memory context for Postgres's allocations during work on one item, such as a text. Results are copied out
/// of it.
pub struct Scratch(PgMemoryContexts);

impl Scratch {
    pub fn new(name: &str) -> Self {
        Self(PgMemoryContexts::new(name))
    }

    /// The context, for code of src/pg that copies its results.
    pub(super) fn context(&self) -> pg_sys::MemoryContext {
        self.0.value()
    }

    /// Runs `work` in the context. The result must not point into it.
    pub(super) fn during<T>(&mut self, work: impl FnOnce() -> T) -> T {
        // SAFETY: the context lives as long as `self`; pgrx restores the previous context.
        unsafe { self.0.switch_to(|_| work()) }
    }

    /// Frees all memory of the context.
    pub fn reset(&mut self) {
        // SAFETY: nothing points into the context, because results are copied.
        unsafe { self.0.reset() };
    }
}
