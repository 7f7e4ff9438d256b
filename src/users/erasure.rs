//! Traces of deleted users: files to erase, and usage under a pseudonym.
//!
//! A trigger of user_profiles writes both, so they do not depend on how a user is deleted: by
//! delete_user(), or by a DELETE of the profile or of the row in auth.users.

use crate::access;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::ids::uuid_v7;
use crate::pg::spi::{self, Access, Arg, Db};
use crate::pg::trigger::{self, Returned};
use pgrx::datum::Uuid;
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use pgrx::prelude::*;
use std::cell::Cell;

/// Minutes during which a pseudonym can be resolved.
static RESOLVABLE_FOR: GucSetting<i32> = GucSetting::<i32>::new(90 * 24 * 60);

/// Registers `carrel.archive_resolvable_for`.
pub fn register_settings() {
    GucRegistry::define_int_guc(
        c"carrel.archive_resolvable_for",
        c"Time for which operators can resolve the pseudonym of a deleted user.",
        c"Usage that is not archived for good is deleted then. 0: it is not archived at all.",
        &RESOLVABLE_FOR,
        0,
        i32::MAX,
        GucContext::Suset,
        GucFlags::UNIT_MIN,
    );
}

thread_local! {
    /// True if the current deletion archives usage permanently.
    static KEEP_FOR_GOOD: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`, which deletes a profile. With `is_for_good`, archived usage stays after its
/// pseudonym can no longer be resolved.
pub fn with_archive_choice<T>(is_for_good: bool, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = KEEP_FOR_GOOD.replace(is_for_good);
    let result = crate::pg::error::contain(work);
    KEEP_FOR_GOOD.set(before);
    result
}

/// Trigger BEFORE DELETE of user_profiles: archives the user's usage under a pseudonym and lists
/// the files of their documents in files_to_erase.
///
/// Also purges expired pseudonyms and archived usage.
#[pg_trigger]
fn record_erasure<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::check_row(trigger, |row| {
        let is_restored = trigger::restoring()?;
        let Some(row) = row.filter(|_| !is_restored) else { return Ok(()) };
        let user: Uuid = row.need(c"user_id")?;
        // The row is locked: everything that sessions of the user wrote is committed, and no more
        // can follow.
        spi::as_owner_now(|db| {
            archive_user(db, user)?;
            purge(db).map(|_| ())
        })
    })
}

fn archive_user(db: &Db, user: Uuid) -> Result<()> {
    let (pseudonym, minutes) = (uuid_v7(), RESOLVABLE_FOR.get());
    let args: [Arg; 3] = [pseudonym.into(), user.into(), minutes.into()];
    db.execute(
        "insert into carrel.user_pseudonyms (pseudonym, user_hash, deleted_user_id, resolvable_until)
        values ($1, sha256(convert_to($2::uuid::text, 'UTF8')), case when $3 > 0 then $2 end, now() + make_interval(mins => $3))",
        &args,
    )?;
    let is_for_good = KEEP_FOR_GOOD.get();
    if is_for_good || minutes > 0 {
        db.execute(
            include_str!("../../sql/users/archive_usage.sql"),
            &[args[0], args[1], args[2], is_for_good.into()],
        )?;
    }
    db.execute(include_str!("../../sql/users/list_files.sql"), &args[..2])?;
    Ok(())
}

/// Deletes expired user ids and archived usage. Returns the number of rows. Never waits for a lock.
fn purge(db: &Db) -> Result<u64> {
    let forgotten = db.execute(include_str!("../../sql/users/forget_deleted_users.sql"), &[])?;
    let deleted = db.execute(include_str!("../../sql/users/delete_archived_usage.sql"), &[])?;
    Ok(forgotten + deleted)
}

/// Deletes the user ids of deleted users' pseudonyms, and archived usage that is not kept
/// permanently, once `carrel.archive_resolvable_for` has passed since the deletion.
///
/// Returns the number of changed and deleted rows. Each deletion of a user does this too; schedule
/// the function for times without deletions. Callable by services.
#[pg_extern(volatile, parallel_unsafe)]
fn purge_pseudonyms() -> i64 {
    guard(|| {
        access::require_service("purge_pseudonyms")?;
        let rows = spi::as_owner_now(purge)?;
        Ok(i64::try_from(rows).unwrap_or(i64::MAX))
    })
}

/// Returns up to `max_files` files of deleted users that are to be erased, oldest deletion first.
///
/// A file stays listed until erased_files() confirms it. A file that is the storage_path of a
/// document is not listed while the document exists. Callable by services. Errors: 22023 (max_files
/// below 0 or null).
#[pg_extern(stable, parallel_unsafe)]
fn files_to_erase(
    max_files: default!(Option<i32>, 100),
) -> TableIterator<
    'static,
    (name!(storage_path, String), name!(pseudonym, Uuid), name!(deleted_at, TimestampWithTimeZone)),
> {
    let rows = guard(|| {
        access::require_service("files_to_erase")?;
        let max_files = max_files.filter(|max| *max >= 0).ok_or_else(|| {
            let given = max_files.map_or("null".to_owned(), |max| max.to_string());
            invalid_argument(format!("max_files must be from 0: {given}"))
        })?;
        spi::as_owner(Access::Read, |db| {
            db.rows(
                "select storage_path, pseudonym, deleted_at from carrel.files_to_erase as f
                where not exists (select from carrel.documents as d where d.storage_path = f.storage_path collate \"C\")
                order by deleted_at, id limit $1",
                &[max_files.into()],
                |row| Ok((row.need(1)?, row.need(2)?, row.need(3)?)),
            )
        })
    });
    TableIterator::new(rows)
}

/// Confirms that files of deleted users are erased, and removes them from files_to_erase.
///
/// Returns the number of files removed; unknown paths are ignored. Callable by services. Errors:
/// 22023 (null).
#[pg_extern(volatile, parallel_unsafe)]
fn erased_files(storage_paths: Option<Vec<Option<String>>>) -> i32 {
    guard(|| {
        access::require_service("erased_files")?;
        let paths = storage_paths
            .ok_or_else(|| invalid_argument("storage_paths must not be null".to_owned()))?;
        let paths: Vec<String> = paths.into_iter().flatten().collect();
        let erased = spi::as_owner_now(|db| {
            db.execute(
                "delete from carrel.files_to_erase where storage_path = any ($1)",
                &[paths.into()],
            )
        })?;
        Ok(i32::try_from(erased).unwrap_or(i32::MAX))
    })
}

fn invalid_argument(message: String) -> Error {
    Error::new(SqlState::InvalidParameterValue, message)
}
