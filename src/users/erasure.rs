//! What stays of a user who is deleted: the files to erase, and usage under a pseudonym.
//!
//! Both are written by a trigger of user_profiles, so that it does not matter how a user goes: by delete_user(), by a
//! DELETE of the profile, or of the row in auth.users.

use crate::access;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::ids::uuid_v7;
use crate::pg::spi::{self, Access, Arg, Db};
use crate::pg::trigger::{self, Returned};
use pgrx::datum::Uuid;
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use pgrx::prelude::*;
use std::cell::Cell;

/// Minutes for which a pseudonym can be resolved.
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
    /// Whether usage is archived for good by the deletion that is going on.
    static KEEP_FOR_GOOD: Cell<bool> = const { Cell::new(false) };
}

/// Deletes a profile, as `work` does. With `is_for_good`, the archived usage is kept when its pseudonym can't be
/// resolved any more.
pub fn with_archive_choice<T>(is_for_good: bool, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = KEEP_FOR_GOOD.replace(is_for_good);
    let result = crate::pg::error::contain(work);
    KEEP_FOR_GOOD.set(before);
    result
}

/// BEFORE DELETE of user_profiles: archives the user's usage under a pseudonym, and lists the files of their documents
/// in files_to_erase. Forgets users whose time is over.
#[pg_trigger]
fn record_erasure<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::check_row(trigger, |row| {
        let Some(row) = row.filter(|_| !trigger::restoring()) else { return Ok(()) };
        let user: Uuid = row.need(c"user_id")?;
        // The row is locked by now: what the user's sessions wrote is committed, and no more comes.
        spi::as_owner_now(|db| {
            record(db, user)?;
            purge(db).map(|_| ())
        })
    })
}

fn record(db: &Db, user: Uuid) -> Result<()> {
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

/// Forgets user ids and archived usage whose time is over; how many rows. Waits for nobody.
fn purge(db: &Db) -> Result<u64> {
    let forgotten = db.execute(include_str!("../../sql/users/forget_deleted_users.sql"), &[])?;
    let deleted = db.execute(include_str!("../../sql/users/delete_archived_usage.sql"), &[])?;
    Ok(forgotten + deleted)
}

/// Forgets whose a deleted user's pseudonym was, and archived usage that is not kept for good, once
/// `carrel.archive_resolvable_for` is over since the deletion. Returns how many rows changed or went. Each deletion does
/// it as well; schedule it for when there are none.
#[pg_extern(volatile, parallel_unsafe)]
fn purge_pseudonyms() -> i64 {
    guard(|| {
        access::require_service("purge_pseudonyms")?;
        let rows = spi::as_owner_now(purge)?;
        Ok(i64::try_from(rows).unwrap_or(i64::MAX))
    })
}

/// Files of deleted users that are to be erased, the longest waiting first, at most `max_files`. They stay listed until
/// erased_files() confirms them. A file that is the storage_path of a document is not listed while the document is there. Errors: 22023 (max_files below 0 or null).
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
            bad(format!("max_files must be from 0: {given}"))
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

/// Confirms that files of deleted users are erased: they are not listed any more. Returns how many were; a path that is
/// not listed, or confirmed before, counts nothing. Errors: 22023 (null).
#[pg_extern(volatile, parallel_unsafe)]
fn erased_files(storage_paths: Option<Vec<Option<String>>>) -> i32 {
    guard(|| {
        access::require_service("erased_files")?;
        let paths =
            storage_paths.ok_or_else(|| bad("storage_paths must not be null".to_owned()))?;
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

fn bad(message: String) -> Error {
    Error::new(SqlState::InvalidParameterValue, message)
}
