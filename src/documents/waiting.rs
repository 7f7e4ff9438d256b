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
}

thread_local! {
    /// With the depth of triggers at which each was made.
    static WAITING: RefCell<HashMap<[u8; 16], (i32, Waiting)>> = RefCell::default();
}

/// Keeps what was made for a document.
pub fn put(document: Uuid, waiting: Waiting) {
    WAITING.with_borrow_mut(|entries| {
        if entries.is_empty() {
            register_xact_callback(PgXactCallbackEvent::Abort, || {
                WAITING.with_borrow_mut(HashMap::clear);
            });
        }
        entries.insert(*document.as_bytes(), (depth(), waiting));
    });
}

/// Takes what was made for a document.
pub fn take(document: Uuid) -> Option<Waiting> {
    WAITING
        .with_borrow_mut(|entries| entries.remove(document.as_bytes()).map(|(_, waiting)| waiting))
}

/// Forgets what this statement, and those that its triggers ran, left behind.
pub fn forget() {
    let depth = depth();
    WAITING.with_borrow_mut(|entries| entries.retain(|_, (made_at, _)| *made_at < depth));
}

/// pg_trigger_depth()
fn depth() -> i32 {
    // SAFETY: a function without arguments that gives an int4.
    unsafe { pgrx::direct_function_call(pg_sys::pg_trigger_depth, &[]).unwrap_or(0) }
}
