//! The rights that statements run with beyond the caller's: those of the owner of carrel's tables, and of a superuser.

use super::connection::{Access, Db, connected};
use crate::pg::error::{Result, contain};
use crate::pg::owner;
use pgrx::pg_sys;
use std::cell::Cell;

/// Runs `work` as the owner of carrel's tables ([`owner`]), past every policy: `work` itself must say whose rows it means.
pub fn as_owner<T>(access: Access, work: impl FnOnce(&Db) -> Result<T>) -> Result<T> {
    connected(access, Some(owner::of_all_tables()?), work)
}

/// Runs `work` as the bootstrap superuser: for the few statements that the owner of the tables may not run, such as granting
/// functions, none of which reads or writes what belongs to others. Functions of roles that are no superusers are
/// refused meanwhile, see [`crate::pg::foreign_code`].
pub fn as_superuser<T>(access: Access, work: impl FnOnce(&Db) -> Result<T>) -> Result<T> {
    let depth = SUPERUSER_WORK.get();
    SUPERUSER_WORK.set(depth + 1);
    let result = contain(|| connected(access, Some(SUPERUSER), work));
    SUPERUSER_WORK.set(depth);
    result
}

/// The bootstrap superuser, whose id is the same in every cluster.
const SUPERUSER: pg_sys::Oid = pg_sys::Oid::from_u32(pg_sys::BOOTSTRAP_SUPERUSERID);

thread_local! {
    /// How many calls of [`as_superuser`] are under way.
    static SUPERUSER_WORK: Cell<u32> = const { Cell::new(0) };
}

/// Tells whether this role is the superuser that carrel works as at the moment.
pub fn is_superuser_work(user: pg_sys::Oid) -> bool {
    SUPERUSER_WORK.get() > 0 && user == SUPERUSER
}

/// The same by indexes, and seeing what is committed when each statement begins, whatever the transaction's
/// isolation: for what has to be true when it commits. Waits for no lock longer than 10 seconds.
pub fn as_owner_now<T>(work: impl FnOnce(&Db) -> Result<T>) -> Result<T> {
    as_owner(Access::Write, |db| db.latest(|| db.write_by_index(|| work(db))))
}
