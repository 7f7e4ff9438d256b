//! Memory contexts of carrel's own, emptied again and again.

use pgrx::memcxt::PgMemoryContexts;
use pgrx::pg_sys;

/// A memory context for what Postgres allocates while it works on one item, such as a text. Nothing that is in it is handed
/// out: results are copied.
pub struct Scratch(PgMemoryContexts);

impl Scratch {
    pub fn new(name: &str) -> Self {
        Self(PgMemoryContexts::new(name))
    }

    /// The context, for code of src/pg that copies what it makes there.
    pub(super) fn context(&self) -> pg_sys::MemoryContext {
        self.0.value()
    }

    /// Does `work` with the context current; its result must not lie there.
    pub(super) fn during<T>(&mut self, work: impl FnOnce() -> T) -> T {
        // SAFETY: the context is there as long as this is; pgrx puts the one before back.
        unsafe { self.0.switch_to(|_| work()) }
    }

    /// Frees all that is in the context.
    pub fn reset(&mut self) {
        // SAFETY: nothing points into the context, as said above.
        unsafe { self.0.reset() };
    }
}
