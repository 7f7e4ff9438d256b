//! Chunks that the BEFORE trigger of documents has prepared, for the AFTER trigger to write.
//!
//! This is a cache: an entry may be missing or left over. The AFTER trigger checks that an entry
//! belongs to the row that was written, and processes the row again if it does not.

use super::prepared_chunks::PreparedChunks;
use crate::pg::memory;
use pgrx::callbacks::{PgXactCallbackEvent, register_xact_callback};
use pgrx::datum::Uuid;
use std::cell::RefCell;
use std::collections::HashMap;

/// Events that end a transaction in a backend.
const TRANSACTION_ENDS: [PgXactCallbackEvent; 3] =
    [PgXactCallbackEvent::Commit, PgXactCallbackEvent::Abort, PgXactCallbackEvent::Prepare];

/// Chunks that were prepared for a row.
pub struct Handover {
    /// Hash of the row's columns that the chunks depend on.
    pub row_hash: u64,
    pub chunks: PreparedChunks,
}

#[derive(Default)]
struct Handovers {
    by_document: HashMap<[u8; 16], Handover>,
    /// True if they are cleared when this transaction ends.
    is_registered: bool,
}

thread_local! {
    static HANDOVERS: RefCell<Handovers> = RefCell::default();
}

/// Stores the chunks of a document's row.
pub fn put(document: Uuid, row_hash: u64, chunks: PreparedChunks) {
    HANDOVERS.with_borrow_mut(|handovers| {
        if !handovers.is_registered {
            for end in TRANSACTION_ENDS {
                register_xact_callback(end, || memory::forget(&HANDOVERS));
            }
            handovers.is_registered = true;
        }
        handovers.by_document.insert(*document.as_bytes(), Handover { row_hash, chunks });
    });
}

/// Removes and returns the chunks of a document's row.
pub fn take(document: Uuid) -> Option<Handover> {
    HANDOVERS.with_borrow_mut(|handovers| handovers.by_document.remove(document.as_bytes()))
}
