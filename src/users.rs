//! Users: the profiles that everything of theirs hangs from.

mod erasure;

use crate::datums::Jsonb;
use crate::error::{Error, Result, SqlState, guard};
use crate::heap::{Condition, Table};
use crate::identity;
use crate::rows;
use crate::spi::{self, Access, Db};
use crate::trigger::{self, Change, Returned};
use crate::usage::{self, PROFILES, period_start, zone};
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::cell::Cell;

/// What `subscription_status` can be.
pub const STATUSES: [&str; 3] = ["active", "cancelled", "expired"];

/// Registers the settings of users.
pub fn register_settings() {
    erasure::register_settings();
}

/// Statements that make profiles for rows of auth.users.
macro_rules! create_profiles {
    ($meta:literal, $from:literal) => {
        create_profiles!($meta, $from, "")
    };
    ($meta:literal, $from:literal, $where:literal) => {
        concat!(
            "insert into carrel.user_profiles (user_id, name)
            select id, left(coalesce(nullif(btrim(meta ->> 'name'), ''), nullif(btrim(meta ->> 'full_name'), '')), 250)
            from (select users.id, ",
            $meta,
            " as meta from ",
            $from,
            " as users ",
            $where,
            ") as users
            on conflict (user_id) do nothing"
        )
    };
}

/// What auth.users is. Its columns are read as the owner of carrel, so they must be of Postgres' own
/// types: reading one of another type may run a function of whoever made that type.
#[derive(PartialEq)]
pub enum AuthUsers {
    /// There is no such table, or it has no id of type uuid.
    Absent,
    /// With ids alone.
    Ids,
    /// With raw_user_meta_data, a jsonb.
    Named,
}

/// Whether only users who are in auth.users have profiles.
pub fn follow_auth_users(db: &Db) -> Result<bool> {
    db.value(
        "select exists (
            select from pg_constraint
            where conrelid = 'carrel.user_profiles'::regclass and conname = 'user_profiles_user_id_auth_fkey'
        )",
        &[],
    )
}

impl AuthUsers {
    /// Looks at the table as it is now.
    pub fn find(db: &Db) -> Result<Self> {
        let columns = db.rows(
            "select attname::text from pg_attribute
            join pg_class on pg_class.oid = attrelid and relkind in ('r', 'p')
            where attrelid = to_regclass('auth.users') and not attisdropped
                and (attname::text, atttypid) in (
                    ('id', 'pg_catalog.uuid'::regtype), ('raw_user_meta_data', 'pg_catalog.jsonb'::regtype)
                )",
            &[],
            |row| row.need::<String>(1),
        )?;
        Ok(match columns.iter().any(|name| name == "id") {
            false => Self::Absent,
            true if columns.len() == 2 => Self::Named,
            true => Self::Ids,
        })
    }
}

/// Creates a user's profile, and returns the user id. Where there is one already, it stays as it is.
#[pg_extern(volatile, parallel_unsafe, requires = [uuid_v7])]
fn create_user(
    user_id: default!(Option<Uuid>, "carrel.uuid_v7()"),
    name: default!(Option<&str>, "null"),
    plan_type: default!(Option<&str>, "'free'"),
) -> Uuid {
    guard(|| {
        let Some(user_id) = user_id else { return Err(missing_user_id()) };
        let plan_type = plan_type.unwrap_or("free");
        spi::as_owner(Access::Write, |db| {
            require_plan(db, plan_type)?;
            db.execute(
                "insert into carrel.user_profiles (user_id, name, plan_type) values ($1, $2, $3)
                on conflict (user_id) do nothing",
                &[user_id.into(), name.into(), plan_type.into()],
            )?;
            Ok(user_id)
        })
    })
}

/// Deletes a user and everything of theirs; returns the storage paths of their documents. The files are the caller's to
/// erase, and stay listed in files_to_erase() until erased_files() confirms them.
///
/// Usage is archived under a pseudonym, which operators can resolve for `carrel.archive_resolvable_for`. Then it is
/// deleted; with `archive_usage` it is kept for good, and nothing says whose it was. Errors: PT404 (no such user).
#[pg_extern(volatile, parallel_unsafe)]
fn delete_user(
    user_id: Option<Uuid>,
    archive_usage: default!(Option<bool>, false),
) -> TableIterator<'static, (name!(storage_path, String),)> {
    let paths = guard(|| {
        spi::as_owner(Access::Write, |db| {
            let user_id = user_id.ok_or_else(missing_user_id)?;
            spi::patiently(|| lock(db, user_id))?;
            let paths = db.rows(
                "select storage_path from carrel.documents
                where user_id = $1 and storage_path is not null order by storage_path",
                &[user_id.into()],
                |row| row.need(1),
            )?;
            erasure::archiving(archive_usage.unwrap_or(false), || {
                db.execute("delete from carrel.user_profiles where user_id = $1", &[user_id.into()])
            })?;
            Ok(paths)
        })
    });
    TableIterator::new(paths.into_iter().map(|path| (path,)))
}

/// Everything that carrel holds of a user, row by row; without search vectors, which say nothing
/// that the text does not.
#[pg_extern(stable, parallel_unsafe)]
fn export_user(
    user_id: Option<Uuid>,
) -> TableIterator<'static, (name!(table_name, String), name!(row_data, Jsonb))> {
    let rows = guard(|| {
        spi::as_owner(Access::Read, |db| {
            let Some(user_id) = user_id else { return Err(missing_user_id()) };
            let rows = db.rows(
                "select 'user_profiles', to_jsonb(t), 1, id from carrel.user_profiles as t where user_id = $1
                union all
                select 'documents', to_jsonb(t) - 'search_vector', 2, id from carrel.documents as t where user_id = $1
                union all
                select 'document_chunks', to_jsonb(t) - 'search_vector', 3, id from carrel.document_chunks as t where user_id = $1
                union all
                select 'agent_sessions', to_jsonb(t), 4, id from carrel.agent_sessions as t where user_id = $1
                union all
                select 'agent_requests', to_jsonb(t), 5, id from carrel.agent_requests as t where user_id = $1
                union all
                select 'usage_events', to_jsonb(t), 6, id from carrel.usage_events as t where user_id = $1
                union all
                select 'usage_reservations', to_jsonb(t), 7, id from carrel.usage_reservations as t where user_id = $1
                order by 3, 4",
                &[user_id.into()],
                |row| Ok((row.need::<String>(1)?, row.need::<Jsonb>(2)?)),
            )?;
            if rows.is_empty() { Err(no_such_user(user_id)) } else { Ok(rows) }
        })
    });
    TableIterator::new(rows)
}

/// BEFORE INSERT OR UPDATE of user_profiles: checks the time zone, and begins with the period that
/// now is in.
#[pg_trigger]
fn prepare_profile<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        if trigger::restoring() {
            return Ok(());
        }
        row.need_text(&[c"name"])?;
        row.need_at_most(&[(c"name", MOST_NAME)])?;
        row.need_one_of(c"subscription_status", &STATUSES)?;
        require_plan_of(row)?;
        if row.changes(c"billing_timezone")? {
            zone(&row.new.need::<String>(c"billing_timezone")?)?;
        }
        if row.old.is_none() {
            let anchor = row.new.need(c"billing_anchor")?;
            let zone = row.new.need::<String>(c"billing_timezone")?;
            row.set(c"usage_period_start", period_start(anchor, &zone, crate::rows::now()?)?);
        }
        Ok(())
    })
}

/// AFTER INSERT on auth.users: each new user has a profile.
#[pg_trigger]
fn create_profile_on_sign_up<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::after_statement(|| {
        if trigger::restoring() {
            return Ok(());
        }
        spi::as_owner(Access::Write, |db| {
            // SAFETY: this call's data.
            unsafe { db.register_trigger_data(trigger::data(trigger)) }?;
            match AuthUsers::find(db)? {
                AuthUsers::Absent => Ok(0),
                AuthUsers::Ids => db.execute(create_profiles!("null::jsonb", "inserted"), &[]),
                AuthUsers::Named => {
                    db.execute(create_profiles!("users.raw_user_meta_data", "inserted"), &[])
                }
            }?;
            Ok(())
        })
    })
}

/// AFTER DELETE on auth.users: everything of theirs goes. The foreign key to auth.users does the
/// same, where there is a key for it to refer to.
#[pg_trigger]
fn delete_profile_of_deleted<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::after_statement(|| {
        spi::as_owner(Access::Write, |db| {
            // SAFETY: this call's data.
            unsafe { db.register_trigger_data(trigger::data(trigger)) }?;
            if AuthUsers::find(db)? == AuthUsers::Absent {
                return Ok(());
            }
            db.execute(
                "delete from carrel.user_profiles where user_id in (select deleted.id from deleted)",
                &[],
            )?;
            Ok(())
        })
    })
}

/// Creates the missing profiles of the users in auth.users, but for users who were deleted: these come back only by
/// create_user(). Part of migrate().
pub fn create_missing_profiles(db: &Db, auth_users: &AuthUsers) -> Result<()> {
    macro_rules! missing {
        ($meta:literal) => {
            create_profiles!(
                $meta,
                "auth.users",
                "where not exists (
                    select from carrel.user_pseudonyms as deleted
                    where deleted.user_hash = sha256(convert_to(users.id::text, 'UTF8'))
                )"
            )
        };
    }
    match auth_users {
        AuthUsers::Absent => Ok(()),
        AuthUsers::Ids => db.script(missing!("null::jsonb")),
        AuthUsers::Named => db.script(missing!("users.raw_user_meta_data")),
    }
}

/// The error for a user id without a profile.
pub fn no_profile(user_id: Uuid) -> Error {
    Error::new(SqlState::NoDataFound, format!("user {user_id} has no profile"))
        .hint(format!("A service creates it: select carrel.create_user('{user_id}')"))
}

/// Refuses a row that is to belong to nobody (28000) or to a user without a profile (P0002), before policies,
/// NOT NULL and foreign keys refuse it in words of their own. These remain what holds: where this lets a row pass,
/// they decide.
///
/// Within one statement a user is looked up once. A profile that another part of the same statement inserts counts
/// if it is inserted first. Returns the owner; None where policies refuse the row, whose columns then tell nothing.
pub fn require_owner(row: &Change) -> Result<Option<Uuid>> {
    thread_local! {
        /// The user that was found last, and the statement's time.
        static FOUND: Cell<Option<([u8; 16], i64)>> = const { Cell::new(None) };
    }
    let owner = row.new.get::<Uuid>(c"user_id");
    if row.old.is_some_and(|old| old.get::<Uuid>(c"user_id") == owner) {
        return Ok(owner);
    }
    let caller = require_identity(row)?;
    let Some(owner) = owner else {
        identity::require()?;
        return Err(Error::new(SqlState::NotNullViolation, "user_id must not be null")
            .hint("Leave it out: it is the caller's by default."));
    };
    // The caller learns nothing of other users.
    if caller.is_some_and(|caller| caller != owner) {
        return Ok(None);
    }
    let statement = i64::from(rows::statement()?);
    if FOUND.get() == Some((*owner.as_bytes(), statement)) {
        return Ok(Some(owner));
    }
    if !PROFILES.has(&[Condition::is_user(owner)])? {
        return Err(no_profile(owner));
    }
    FOUND.set(Some((*owner.as_bytes(), statement)));
    Ok(Some(owner))
}

/// The caller's user id, where policies hold for the row; 28000 where there is none. None where no policy holds:
/// for the owner of the table and roles with BYPASSRLS, whose claims may be any.
pub fn require_identity(row: &Change) -> Result<Option<Uuid>> {
    if row.is_under_policies()? { identity::require().map(Some) } else { Ok(None) }
}

/// Bytes of a name, at most.
const MOST_NAME: usize = 1000;

/// Error P0002 where a user has no profile.
pub fn require(db: &Db, user_id: Uuid) -> Result<()> {
    let found = "select from carrel.user_profiles where user_id = $1";
    if db.execute(found, &[user_id.into()])? == 0 { Err(no_profile(user_id)) } else { Ok(()) }
}

/// The error for a user id that nobody, or nobody that the caller may see, has.
pub fn no_such_user(user_id: Uuid) -> Error {
    Error::not_found("user", user_id)
}

/// The error for a user id that was left out.
pub fn missing_user_id() -> Error {
    Error::new(SqlState::InvalidParameterValue, "user_id must not be null")
}

/// Locks a profile, so that nothing more of the user's can come while they are being deleted.
fn lock(db: &Db, user_id: Uuid) -> Result<()> {
    // Whoever changes the user's plan waits for the row while others wait for them.
    usage::keep(&[user_id])?;
    let found = db.execute(
        "select from carrel.user_profiles where user_id = $1 for update",
        &[user_id.into()],
    )?;
    if found == 0 { Err(no_such_user(user_id)) } else { Ok(()) }
}

/// Refuses a row that is to be of a plan that is none: 22023, before its foreign key does.
pub fn require_plan_of(row: &Change) -> Result<()> {
    const PLANS: Table = Table { name: c"plans", index: c"plans_pkey" };
    let Some(plan) = row.new.get::<&str>(c"plan_type") else { return Ok(()) };
    if !row.changes(c"plan_type")? || PLANS.has(&[Condition::is_text(c"plan_type", plan)])? {
        return Ok(());
    }
    spi::as_owner(Access::Read, |db| require_plan(db, plan))
}

/// Error 22023 for a plan that is none.
pub fn require_plan(db: &Db, plan_type: &str) -> Result<()> {
    let known = db.value::<bool>(
        "select exists (select from carrel.plans where plan_type = $1)",
        &[plan_type.into()],
    )?;
    if known {
        return Ok(());
    }
    let plans = db.value::<String>(
        "select coalesce(string_agg(plan_type, ', ' order by plan_type), 'none') from carrel.plans",
        &[],
    )?;
    Err(Error::new(SqlState::InvalidParameterValue, format!("unknown plan \"{plan_type}\""))
        .hint(format!("Known plans: {plans}.")))
}
