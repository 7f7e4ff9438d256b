//! Per-user locks that keep plans and billing periods stable while usage is recorded.
//!
//! Recording usage takes a shared lock on the user. Changing a plan, anchor or time zone takes an
//! exclusive lock. Locks are released at the end of the transaction.
//!
//! SQL cannot take these locks, so an end user cannot block recording: their tags are relation ids
//! that no relation has before a database has assigned three billion oids. Row locks would not do: a profile update already holds the row lock that
//! recorders would wait for.

use crate::pg::error::{Result, contain};
use crate::pg::locks::{Mode, lock_object_id, lock_relation_id};
use crate::pg::spi;
use pgrx::datum::Uuid;
use std::cell::Cell;
use std::collections::BTreeSet;

thread_local! {
    /// True while [`with_user_lock`] runs: its statement changes the one user that is locked.
    static CHANGES_ONE: Cell<bool> = const { Cell::new(false) };
}

/// Takes the shared lock of each user: their plans, limits and periods stay until the transaction
/// ends.
pub fn lock_users_shared(users: &[Uuid]) -> Result<()> {
    lock_relation_id(key(EVERYBODY), Mode::Shared)?;
    let keys: BTreeSet<u32> = users.iter().map(|user| number(*user) % KEYS).collect();
    keys.into_iter().try_for_each(|user| lock_relation_id(key(user), Mode::Shared))
}

/// Takes the exclusive lock of a user and runs `change`, which may wait for the user's rows.
///
/// Retries with a limit on each wait ([`spi::patiently`]): a session that waits for this lock, or
/// holds it, keeps all users that share the lock from recording.
pub fn with_user_lock<T>(user: Uuid, change: impl Fn() -> Result<T>) -> Result<T> {
    spi::need_writable(c"UPDATE")?;
    spi::patiently(|| {
        lock_relation_id(key(EVERYBODY), Mode::Shared)?;
        lock_relation_id(key(number(user) % KEYS), Mode::Exclusive)?;
        CHANGES_ONE.set(true);
        let changed = contain(&change);
        CHANGES_ONE.set(false);
        changed
    })
}

/// Takes the exclusive lock of all users, unless [`with_user_lock`] has locked the one that changes.
pub fn lock_all_users() -> Result<()> {
    if CHANGES_ONE.get() {
        return Ok(());
    }
    spi::need_writable(c"UPDATE")?;
    spi::patiently(|| lock_relation_id(key(EVERYBODY), Mode::Exclusive))
}

/// Takes the lock under which one session at a time allocates the remaining allowance of a user's
/// limits.
pub fn lock_allocation(user: Uuid) -> Result<()> {
    lock_object_id(FIRST_ID, number(user))
}

/// Takes the lock under which one session at a time changes carrel's tables or privileges in a
/// database.
pub fn lock_definitions() -> Result<()> {
    spi::need_writable(c"UPDATE")?;
    spi::patiently(|| lock_relation_id(key(DEFINITIONS), Mode::Exclusive))
}

/// Takes the lock of roles that add code to tables, until the transaction ends.
///
/// Exclusive for a command on a table that foreign keys connect with carrel's, shared for all others. So a new
/// foreign key and a trigger on the table that it connects cannot be added side by side, each unseen by the
/// other.
pub fn lock_added_code(mode: Mode) -> Result<()> {
    lock_relation_id(key(ADDED_CODE), mode)
}

/// Number of distinct user locks. Bounds the lock table: a batch over any number of users takes at
/// most this many locks. Users with the same key wait for each other without need.
const KEYS: u32 = 256;
/// Key of all users. A session that holds it from an earlier statement does not queue behind a
/// session that waits for it exclusively.
const EVERYBODY: u32 = KEYS;
/// Key of the definitions of tables and privileges.
const DEFINITIONS: u32 = KEYS + 1;
/// Key of code that other roles add to tables.
const ADDED_CODE: u32 = KEYS + 2;
/// First lock id, above the oids of catalogs and those that a database assigns first. A relation that gets one
/// of these oids after a wraparound would only make recording wait for locks on it.
const FIRST_ID: u32 = 0xCA11_E100;

/// Lock id of a key.
fn key(number: u32) -> u32 {
    FIRST_ID + number
}

/// Last four bytes of a user id, which are random in ids that carrel creates.
fn number(user: Uuid) -> u32 {
    user.as_bytes().last_chunk().map_or(0, |last| u32::from_be_bytes(*last))
}
