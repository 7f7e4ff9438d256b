//! What the BEFORE trigger of documents made of their texts, until the AFTER trigger takes it: a
//! cache. Whether an entry is of the row that was written is checked when it is taken, and what is
//! not there is made again, so entries may be lost or left over at any time.

use super::prepared_chunks::Pieces;
use crate::pg::memory;
use pgrx::callbacks::{PgXactCallbackEvent, register_xact_callback};
use pgrx::datum::Uuid;
use std::cell::RefCell;
use std::collections::HashMap;

/// How a transaction ends for a backend.
const ENDS: [PgXactCallbackEvent; 3] =
    [PgXactCallbackEvent::Commit, PgXactCallbackEvent::Abort, PgXactCallbackEvent::Prepare];

/// The chunks that were made of a row.
pub struct Processed {
    /// Tells whether it was this row.
    pub row: u64,
    pub pieces: Pieces,
}

#[derive(Default)]
struct Kept {
    documents: HashMap<[u8; 16], Processed>,
    /// Whether it is emptied when this transaction ends.
    is_registered: bool,
}

thread_local! {
    static KEPT: RefCell<Kept> = RefCell::default();
}

/// Keeps what was made of a document's row.
pub fn keep(document: Uuid, row: u64, pieces: Pieces) {
    KEPT.with_borrow_mut(|kept| {
        if !kept.is_registered {
            for end in ENDS {
                register_xact_callback(end, || memory::forget(&KEPT));
            }
            kept.is_registered = true;
        }
        kept.documents.insert(*document.as_bytes(), Processed { row, pieces });
    });
}

/// Takes what was made of a document's row.
pub fn take(document: Uuid) -> Option<Processed> {
    KEPT.with_borrow_mut(|kept| kept.documents.remove(document.as_bytes()))
}
