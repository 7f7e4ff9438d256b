//! Who reckons with a user's plan and periods, and who changes them, don't do so at once.
//!
//! Recording usage takes a shared lock on the user; a change of plan or periods an exclusive one. Locks are on
//! what is not there, which no SQL statement can take: nobody can keep others from recording. They end with
//! the transaction. Not row locks: whoever changes a profile holds its row already, for which others may
//! wait that are recording.

use crate::pg::error::{Result, catch, contain};
use crate::pg::ffi::{LockDatabaseObject, LockRelationOid};
use crate::pg::spi;
use pgrx::datum::Uuid;
use pgrx::pg_sys;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::ffi::c_int;

thread_local! {
    /// Whether this backend has locked the one user that its statement changes.
    static CHANGES_ONE: Cell<bool> = const { Cell::new(false) };
}

/// Keeps plans, limits and periods of these users as they are until the transaction ends.
pub fn keep(users: &[Uuid]) -> Result<()> {
    lock_key(EVERYBODY, pg_sys::RowExclusiveLock)?;
    let keys: BTreeSet<u32> = users.iter().map(|user| number(*user) % KEYS).collect();
    keys.into_iter().try_for_each(|key| lock_key(key, pg_sys::RowExclusiveLock))
}

/// Waits until nobody reckons with a user's plan and periods, and does `change`, which may wait for the user's rows.
/// Patiently: who waits for such a lock, or has it, keeps all who share it from recording.
pub fn change_one<T>(user: Uuid, change: impl Fn() -> Result<T>) -> Result<T> {
    spi::need_writable(c"UPDATE")?;
    spi::patiently(|| {
        lock_key(EVERYBODY, pg_sys::RowExclusiveLock)?;
        lock_key(number(user) % KEYS, pg_sys::ExclusiveLock)?;
        CHANGES_ONE.set(true);
        let changed = contain(&change);
        CHANGES_ONE.set(false);
        changed
    })
}

/// Waits until nobody reckons with anybody's, unless just one user is being changed.
pub fn change_all() -> Result<()> {
    if CHANGES_ONE.get() {
        return Ok(());
    }
    spi::need_writable(c"UPDATE")?;
    spi::patiently(|| lock_key(EVERYBODY, pg_sys::ExclusiveLock))
}

/// Waits until nobody else hands out what is left of a user's limits, and is who does until the transaction
/// ends.
pub fn hand_out(user: Uuid) -> Result<()> {
    let (class, object) = (pg_sys::Oid::from(NOTHING), pg_sys::Oid::from(number(user)));
    let mode = pg_sys::AccessExclusiveLock as c_int;
    // SAFETY: any numbers are a lock.
    catch(|| unsafe { LockDatabaseObject(class, object, 0, mode) })
}

/// Waits until nobody else changes tables or privileges of carrel's in this database, until the transaction ends.
pub fn change_definitions() -> Result<()> {
    spi::need_writable(c"UPDATE")?;
    spi::patiently(|| lock_key(DEFINITIONS, pg_sys::ExclusiveLock))
}

/// How many locks those who reckon share, by the user's number: so many that a server has room for those of
/// a batch over any number of users. Users who have the same wait for each other in vain.
const KEYS: u32 = 256;
/// The key of all users. Who has it already, from an earlier statement, never waits for it behind somebody
/// who changes all.
const EVERYBODY: u32 = KEYS;
/// The key of the definitions of tables, and of privileges.
const DEFINITIONS: u32 = KEYS + 1;
/// The oid of no catalog, and the first of as many as there are keys that are of no table.
const NOTHING: u32 = 0xCA11_E100;

/// The last bytes of an id, which are random in those that carrel makes.
fn number(user: Uuid) -> u32 {
    user.as_bytes().last_chunk().map_or(0, |last| u32::from_be_bytes(*last))
}

/// Takes the lock of a key: of a table that is not there, for locks of tables are the ones that a backend
/// may keep to itself as long as nobody takes one that conflicts.
fn lock_key(key: u32, mode: u32) -> Result<()> {
    let (table, mode) = (pg_sys::Oid::from(NOTHING + key), mode as c_int);
    // SAFETY: any number is a lock.
    catch(|| unsafe { LockRelationOid(table, mode) })
}
