//! Heavyweight locks on ids, held until the transaction ends.
//!
//! The ids need not name anything. SQL cannot take a lock on an id without a relation or object
//! behind it, so no other role can block on or hold one.

use super::error::{Result, catch};
use super::ffi::{LockDatabaseObject, LockRelationOid};
use pgrx::pg_sys;
use std::ffi::c_int;

/// Lock modes, by their names in Postgres.
#[derive(Clone, Copy)]
pub enum Mode {
    /// ROW EXCLUSIVE: compatible with itself, and available to the fast path of relation locks.
    Shared,
    /// EXCLUSIVE: conflicts with [`Mode::Shared`] and with itself.
    Exclusive,
}

/// Locks a relation id. Relation locks can use the backend's fast path, which needs no shared
/// memory.
pub fn lock_relation_id(id: u32, mode: Mode) -> Result<()> {
    let mode = match mode {
        Mode::Shared => pg_sys::RowExclusiveLock,
        Mode::Exclusive => pg_sys::ExclusiveLock,
    };
    let (relation, mode) = (pg_sys::Oid::from(id), mode as c_int);
    // SAFETY: every number is a valid lock tag.
    catch(|| unsafe { LockRelationOid(relation, mode) })
}

/// Locks an object id of a class, against every other lock on it.
pub fn lock_object_id(class: u32, object: u32) -> Result<()> {
    let (class, object) = (pg_sys::Oid::from(class), pg_sys::Oid::from(object));
    let mode = pg_sys::AccessExclusiveLock as c_int;
    // SAFETY: every number is a valid lock tag.
    catch(|| unsafe { LockDatabaseObject(class, object, 0, mode) })
}
