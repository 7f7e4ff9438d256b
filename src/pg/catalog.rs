//! Relations, schemas and functions by name and oid, from the catalogs' caches.

use super::error::{Result, catch};
use super::ffi::{table_close, table_open};
use pgrx::pg_sys;
use std::ffi::c_int;

/// Locks a relation until the transaction ends. `mode` is one of `pg_sys::…Lock`.
pub fn lock(relation: pg_sys::Oid, mode: u32) -> Result<()> {
    // SAFETY: a relation's oid, or an error; the lock is kept.
    catch(|| unsafe {
        let relation = table_open(relation, mode as c_int);
        table_close(relation, pg_sys::NoLock as c_int);
    })
}
