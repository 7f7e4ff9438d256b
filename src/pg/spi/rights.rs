//! Rights of the owner of carrel's tables, and of a superuser.

use super::connection::{Access, Db, connected};
use crate::pg::error::{Result, contain};
use crate::pg::owner;
use pgrx::pg_sys;
use std::cell::Cell;

/// Runs `work` as the owner of carrel's tables ([`owner`]), who bypasses all policies. `work` must restrict
/// itself to the rows of its user.
pub fn as_owner<T>(access: Access, work: impl FnOnce(&Db) -> Result<T>) -> Result<T> {
    connected(access, Some(owner::of_all_tables()?), work)
}

/// Runs `work` as the bootstrap superuser, for the few statements that the owner may not run, such as GRANT
/// on functions. None of them reads or writes data of other roles. Functions of roles that are not superusers
/// are refused meanwhile, see [`crate::pg::foreign_code`].
pub fn as_superuser<T>(access: Access, work: impl FnOnce(&Db) -> Result<T>) -> Result<T> {
    let depth = SUPERUSER_WORK.get();
    SUPERUSER_WORK.set(depth + 1);
    let result = contain(|| connected(access, Some(SUPERUSER), work));
    SUPERUSER_WORK.set(depth);
    result
}

/// Bootstrap superuser: its oid is equal in all clusters.
const SUPERUSER: pg_sys::Oid = pg_sys::Oid::from_u32(pg_sys::BOOTSTRAP_SUPERUSERID);

thread_local! {
    /// Nesting depth of [`as_superuser`].
    static SUPERUSER_WORK: Cell<u32> = const { Cell::new(0) };
}

/// Returns true if carrel currently works as this superuser.
pub fn is_superuser_work(user: pg_sys::Oid) -> bool {
    SUPERUSER_WORK.get() > 0 && user == SUPERUSER
}

/// Runs `work` as the owner, with index scans and a new snapshot for each statement in any isolation level,
/// for conditions that must hold at commit. Waits at most 10 seconds for a lock.
pub fn as_owner_now<T>(work: impl FnOnce(&Db) -> Result<T>) -> Result<T> {
    as_owner(Access::Write, |db| db.latest(|| db.write_by_index(|| work(db))))
}
