//! Locks on relations, by oid.

use super::error::{Result, catch};
use super::ffi::{table_close, table_open};
use pgrx::pg_sys;
use std::ffi::c_int;

/// Locks a relation until the transaction ends. `mode` is one of `pg_sys::…Lock`.
pub fn lock(relation: pg_sys::Oid, mode: u32) -> Result<()> {
    // SAFETY: fails if the oid is not a relation's; closing keeps the lock.
    catch(|| unsafe {
        let relation = table_open(relation, mode as c_int);
        table_close(relation, pg_sys::NoLock as c_int);
    })
}
