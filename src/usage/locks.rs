//! Who reckons with a user's plan and periods, and who changes them, don't do so at once.
//!
//! Recording usage takes a shared lock on the user; a change of plan or periods an exclusive one. Locks are
//! of the kind that Postgres takes on objects of a database, which no SQL statement can take: nobody can
//! keep others from recording. They end with the transaction. Not row locks: whoever changes a profile
//! holds its row already, for which others may wait that are recording.

use crate::error::{Result, catch};
use crate::spi::Db;
use pgrx::datum::Uuid;
use pgrx::pg_sys;
use std::cell::Cell;
use std::ffi::c_int;
use std::hash::{DefaultHasher, Hash, Hasher};

thread_local! {
    /// Whether this backend has locked the one user that its statement changes.
    static CHANGES_ONE: Cell<bool> = const { Cell::new(false) };
}

/// Keeps plans, limits and periods of these users as they are until the transaction ends. The users are in
/// the order of their ids.
pub fn keep(db: &Db, users: &[Uuid]) -> Result<()> {
    let class = class(db)?;
    lock(class, EVERYBODY, pg_sys::AccessShareLock)?;
    users.iter().try_for_each(|user| lock(class, key(*user), pg_sys::AccessShareLock))
}

/// Waits until nobody reckons with a user's plan and periods, and does `change`.
pub fn change_one(db: &Db, user: Uuid, change: impl FnOnce() -> Result<()>) -> Result<()> {
    lock(class(db)?, key(user), pg_sys::AccessExclusiveLock)?;
    CHANGES_ONE.set(true);
    let changed = change();
    CHANGES_ONE.set(false);
    changed
}

/// Waits until nobody else hands out what is left of a user's limits, and is who does until the transaction
/// ends.
pub fn hand_out(db: &Db, user: Uuid) -> Result<()> {
    let (object, _) = key(user);
    lock(class(db)?, (object | 1, 0), pg_sys::AccessExclusiveLock)
}

/// Waits until nobody reckons with anybody's, unless just one user is being changed.
pub fn change_all(db: &Db) -> Result<()> {
    match CHANGES_ONE.get() {
        true => Ok(()),
        false => lock(class(db)?, EVERYBODY, pg_sys::AccessExclusiveLock),
    }
}

/// The lock that stands for all users.
const EVERYBODY: (u32, u16) = (0, 0);

/// Other users may have the same: then they wait for each other in vain.
fn key(user: Uuid) -> (u32, u16) {
    let mut hasher = DefaultHasher::new();
    user.as_bytes().hash(&mut hasher);
    let hash = hasher.finish();
    (hash as u32, ((hash >> 32) as u16).max(1))
}

/// What objects are told apart by from others of the database: the table of events.
fn class(db: &Db) -> Result<pg_sys::Oid> {
    thread_local! {
        static CLASS: Cell<pg_sys::Oid> = const { Cell::new(pg_sys::InvalidOid) };
    }
    if CLASS.get() == pg_sys::InvalidOid {
        CLASS.set(db.value("select 'carrel.usage_events'::regclass::oid", &[])?);
    }
    Ok(CLASS.get())
}

fn lock(class: pg_sys::Oid, (object, part): (u32, u16), mode: u32) -> Result<()> {
    let object = pg_sys::Oid::from(object);
    // SAFETY: any numbers are a lock.
    catch(|| unsafe { LockDatabaseObject(class, object, part, mode as c_int) })
}

unsafe extern "C-unwind" {
    fn LockDatabaseObject(class: pg_sys::Oid, object: pg_sys::Oid, part: u16, mode: c_int);
}
