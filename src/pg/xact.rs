//! State of the current transaction.

use pgrx::pg_sys;

/// Tells whether all statements of the transaction share one snapshot: REPEATABLE READ or SERIALIZABLE.
pub fn is_repeatable() -> bool {
    // SAFETY: reads the transaction's state.
    unsafe { pg_sys::XactIsoLevel >= pg_sys::XACT_REPEATABLE_READ as i32 }
}

/// Id of the transaction; 0 while it has none, before its first write.
pub fn id() -> u32 {
    // SAFETY: reads the transaction's state.
    unsafe { pg_sys::GetTopTransactionIdIfAny() }.into_inner()
}

/// Id of the subtransaction within the transaction.
pub fn subtransaction() -> pg_sys::SubTransactionId {
    // SAFETY: reads the transaction's state.
    unsafe { pg_sys::GetCurrentSubTransactionId() }
}

/// Tells whether a transaction is under way in which catalogs can be read.
pub fn is_active() -> bool {
    // SAFETY: reads the transaction's state.
    unsafe { pg_sys::IsTransactionState() }
}

/// Tells whether BEGIN has opened a transaction block.
pub fn is_block() -> bool {
    // SAFETY: reads the transaction's state.
    unsafe { pg_sys::IsTransactionBlock() }
}
