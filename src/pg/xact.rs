//! State of the current transaction.

use pgrx::pg_sys;

/// Returns true if all statements of the transaction share one snapshot: REPEATABLE READ or SERIALIZABLE.
pub fn is_repeatable() -> bool {
    // SAFETY: reads the transaction's state.
    unsafe { pg_sys::XactIsoLevel >= pg_sys::XACT_REPEATABLE_READ as i32 }
}

/// Id of the transaction; 0 before its first write.
pub fn id() -> u32 {
    // SAFETY: reads the transaction's state.
    unsafe { pg_sys::GetTopTransactionIdIfAny() }.into_inner()
}

/// Returns true if an id is that of the transaction or one of its subtransactions.
pub fn is_of_current(id: u32) -> bool {
    // SAFETY: compares ids in the backend's memory.
    unsafe { pg_sys::TransactionIdIsCurrentTransactionId(id.into()) }
}

/// Id of the current subtransaction.
pub fn subtransaction() -> pg_sys::SubTransactionId {
    // SAFETY: reads the transaction's state.
    unsafe { pg_sys::GetCurrentSubTransactionId() }
}

/// Returns true in a transaction that can read catalogs.
pub fn is_active() -> bool {
    // SAFETY: reads the transaction's state.
    unsafe { pg_sys::IsTransactionState() }
}

/// Returns true in a transaction block opened by BEGIN.
pub fn is_block() -> bool {
    // SAFETY: reads the transaction's state.
    unsafe { pg_sys::IsTransactionBlock() }
}
