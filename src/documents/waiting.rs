//! What the BEFORE trigger of documents made, until the AFTER trigger takes it.
//!
//! Nothing depends on an entry being there or being forgotten in time: whether it is of the row that
//! was written is checked when it is taken. Forgetting is for memory alone.

use super::processing::Processed;
use pgrx::callbacks::{PgXactCallbackEvent, register_xact_callback};
use pgrx::datum::Uuid;
use pgrx::pg_sys;
use std::cell::RefCell;
use std::collections::HashMap;

/// What is to become of a document's chunks.
pub enum Waiting {
    Chunks(Processed),
    NoChunks,
    /// The document is processed again: more was waiting than memory is given to.
    Again,
}

/// What may wait, in bytes: all rows of a statement are processed before the first one's chunks are
/// written.
const MAX_WAITING: usize = 64 << 20;

#[derive(Default)]
struct Store {
    entries: HashMap<[u8; 16], Entry>,
    memory: usize,
}

struct Entry {
    waiting: Waiting,
    memory: usize,
    /// The depth of triggers at which it was made.
    depth: i32,
}

thread_local! {
    static STORE: RefCell<Store> = RefCell::default();
}

/// Keeps what was made for a document.
pub fn put(document: Uuid, waiting: Waiting) {
    STORE.with_borrow_mut(|store| {
        if store.entries.is_empty() {
            register_xact_callback(PgXactCallbackEvent::Abort, || drop(STORE.take()));
        }
        let memory = match &waiting {
            Waiting::Chunks(processed) => processed.memory(),
            Waiting::NoChunks | Waiting::Again => 0,
        };
        let fits = store.entries.is_empty() || store.memory + memory <= MAX_WAITING;
        let (waiting, memory) = if fits { (waiting, memory) } else { (Waiting::Again, 0) };
        store.remove(document);
        store.memory += memory;
        store.entries.insert(*document.as_bytes(), Entry { waiting, memory, depth: depth() });
    });
}

/// Takes what was made for a document.
pub fn take(document: Uuid) -> Option<Waiting> {
    STORE.with_borrow_mut(|store| store.remove(document))
}

/// Forgets what this statement, and those that its triggers ran, left behind.
pub fn forget() {
    let depth = depth();
    STORE.with_borrow_mut(|store| {
        store.entries.retain(|_, entry| entry.depth < depth);
        store.memory = store.entries.values().map(|entry| entry.memory).sum();
    });
}

impl Store {
    fn remove(&mut self, document: Uuid) -> Option<Waiting> {
        let entry = self.entries.remove(document.as_bytes())?;
        self.memory -= entry.memory;
        Some(entry.waiting)
    }
}

/// pg_trigger_depth()
fn depth() -> i32 {
    // SAFETY: a function without arguments that gives an int4.
    unsafe { pgrx::direct_function_call(pg_sys::pg_trigger_depth, &[]).unwrap_or(0) }
}
