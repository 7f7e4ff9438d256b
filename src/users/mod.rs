//! Users: the profiles that everything of theirs hangs from.

mod erasure;

use crate::access;
use crate::definitions::TABLES;
use crate::identity;
use crate::locks;
use crate::periods::{period_start, zone};
use crate::pg::clock;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::heap::{Condition, Table};
use crate::pg::spi::{self, Access, Db};
use crate::pg::trigger::{self, Change, Returned};
use crate::pg::values::Jsonb;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::cell::Cell;

/// Profiles, by the index of their users.
pub const PROFILES: Table = Table { name: c"user_profiles", index: c"user_profiles_user_id_key" };

/// Values of `subscription_status`.
pub const STATUSES: [&str; 3] = ["active", "cancelled", "expired"];

/// Registers the settings of users.
pub fn register_settings() {
    erasure::register_settings();
}

/// Creates a user's profile, and returns the user id. Where there is one already, it stays as it is.
#[pg_extern(volatile, parallel_unsafe, requires = [uuid_v7])]
fn create_user(
    user_id: default!(Option<Uuid>, "carrel.uuid_v7()"),
    name: default!(Option<&str>, "null"),
    plan_type: default!(Option<&str>, "'free'"),
) -> Uuid {
    guard(|| {
        access::require_service("create_user")?;
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
/// deleted; with `archive_usage` it is kept for good, and nothing says whose it was. A path that a document of another user
/// has as well is left out. Errors: PT404 (no such user), 55000 (triggers that delete and archive are disabled).
#[pg_extern(volatile, parallel_unsafe)]
fn delete_user(
    user_id: Option<Uuid>,
    archive_usage: default!(Option<bool>, false),
) -> TableIterator<'static, (name!(storage_path, String),)> {
    let paths = guard(|| {
        access::require_service("delete_user")?;
        spi::as_owner(Access::Write, |db| {
            let user_id = user_id.ok_or_else(missing_user_id)?;
            spi::patiently(|| lock(db, user_id))?;
            refuse_disabled_triggers(db)?;
            let paths = db.rows(
                include_str!("../../sql/users/storage_paths.sql"),
                &[user_id.into()],
                |row| row.need(1),
            )?;
            erasure::with_archive_choice(archive_usage.unwrap_or(false), || {
                db.execute("delete from carrel.user_profiles where user_id = $1", &[user_id.into()])
            })?;
            Ok(paths)
        })
    });
    TableIterator::new(paths.into_iter().map(|path| (path,)))
}

/// Users with plan and usage, in the order of their ids, at most `max_users` of them, those after `after_user`. For operators
/// and services. Bad numbers: 22023.
#[pg_extern(stable, parallel_unsafe)]
fn list_users(
    max_users: default!(Option<i32>, 100),
    after_user: default!(Option<Uuid>, "null"),
) -> TableIterator<
    'static,
    (
        name!(user_id, Uuid),
        name!(name, Option<String>),
        name!(plan_type, String),
        name!(subscription_status, String),
        name!(usage_count, i32),
        name!(usage_period_start, TimestampWithTimeZone),
        name!(created_at, TimestampWithTimeZone),
    ),
> {
    let rows = guard(|| {
        access::require_operator_or_service("list_users")?;
        let max_users =
            max_users.filter(|count| (1..=10_000).contains(count)).ok_or_else(|| {
                Error::new(SqlState::InvalidParameterValue, "max_users must be from 1 to 10000")
            })?;
        spi::as_owner(Access::Read, |db| {
            db.rows(
                "select user_id, name, plan_type, subscription_status, usage_count, usage_period_start, created_at
                from carrel.user_profiles where $2::uuid is null or user_id > $2 order by user_id limit $1",
                &[i64::from(max_users).into(), after_user.into()],
                |row| {
                    Ok((
                        row.need(1)?,
                        row.get(2),
                        row.need(3)?,
                        row.need(4)?,
                        row.need(5)?,
                        row.need(6)?,
                        row.need(7)?,
                    ))
                },
            )
        })
    });
    TableIterator::new(rows)
}

/// Everything that carrel holds of a user, row by row; without search vectors, which say nothing
/// that the text does not.
#[pg_extern(stable, parallel_unsafe)]
fn export_user(
    user_id: Option<Uuid>,
) -> TableIterator<'static, (name!(table_name, String), name!(row_data, Jsonb))> {
    let rows = guard(|| {
        access::require_service("export_user")?;
        spi::as_owner(Access::Read, |db| {
            let Some(user_id) = user_id else { return Err(missing_user_id()) };
            let sql = export_query(db)?;
            let rows = db.rows_once(&sql, &[user_id.into()], |row| {
                Ok((row.need::<String>(1)?, row.need::<Jsonb>(2)?))
            })?;
            if rows.is_empty() { Err(no_such_user(user_id)) } else { Ok(rows) }
        })
    });
    TableIterator::new(rows)
}

/// The query of a user's rows. Columns that an operator added are shown as text: a cast of their types to json would be run.
fn export_query(db: &Db) -> Result<String> {
    const EXPORTED: [&str; 7] = [
        "user_profiles",
        "documents",
        "document_chunks",
        "agent_sessions",
        "agent_requests",
        "usage_events",
        "usage_reservations",
    ];
    let mut queries = Vec::new();
    for (place, name) in EXPORTED.into_iter().enumerate() {
        let defined = TABLES.iter().filter(|table| table.name == name);
        let defined: Vec<String> = defined
            .flat_map(|table| table.columns())
            .map(|column| column.name.to_owned())
            .collect();
        let columns = db.first(
            include_str!("../../sql/users/export_columns.sql"),
            &[name.into(), defined.into()],
            |row| Ok(row.get::<String>(1)),
        )?;
        let Some(columns) = columns.flatten() else {
            return Err(spi::missing_column(&format!("there is no table carrel.{name}")));
        };
        queries.push(format!(
            "select '{name}', to_jsonb(r), {place}, r.id
            from (select {columns} from carrel.{name} as t where t.user_id = $1) as r"
        ));
    }
    Ok(format!("{} order by 3, 4", queries.join(" union all ")))
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
        row.need_at_most(&[(c"name", MAX_NAME_BYTES)])?;
        row.need_one_of(c"subscription_status", &STATUSES)?;
        require_plan_of(row)?;
        if row.changes(c"billing_timezone")? {
            zone(&row.new.need::<String>(c"billing_timezone")?)?;
        }
        if row.old.is_none() {
            let anchor = row.new.need(c"billing_anchor")?;
            let zone = row.new.need::<String>(c"billing_timezone")?;
            row.set(c"usage_period_start", period_start(anchor, &zone, clock::now()?)?);
        }
        Ok(())
    })
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
        static LAST_FOUND: Cell<Option<([u8; 16], i64)>> = const { Cell::new(None) };
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
    let statement = i64::from(clock::statement_start()?);
    if LAST_FOUND.get() == Some((*owner.as_bytes(), statement)) {
        return Ok(Some(owner));
    }
    if !PROFILES.has(&[Condition::is_user(owner)])? {
        return Err(no_profile(owner));
    }
    LAST_FOUND.set(Some((*owner.as_bytes(), statement)));
    Ok(Some(owner))
}

/// The caller's user id, where policies hold for the row; 28000 where there is none. None where no policy holds:
/// for the owner of the table and roles with BYPASSRLS, whose claims may be any.
pub fn require_identity(row: &Change) -> Result<Option<Uuid>> {
    if row.is_under_policies()? { identity::require().map(Some) } else { Ok(None) }
}

/// Bytes of a name, at most.
const MAX_NAME_BYTES: usize = 1000;

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

/// Error 55000 while triggers are disabled that delete a user's rows, or archive them: they would stay, and belong to nobody.
fn refuse_disabled_triggers(db: &Db) -> Result<()> {
    let disabled = db.first(include_str!("../../sql/users/disabled_triggers.sql"), &[], |row| {
        row.need::<String>(1)
    })?;
    let Some(table) = disabled else { return Ok(()) };
    let what = match table.as_str() {
        "every table" => "triggers are disabled in this session".to_owned(),
        table => format!("triggers of table {table} are disabled"),
    };
    Err(Error::new(SqlState::ObjectNotInPrerequisiteState, what)
        .detail("They delete a user's rows and archive the usage.")
        .hint(match table.as_str() {
            "every table" => "Run: reset session_replication_role",
            _ => "A superuser runs: select carrel.migrate()",
        }))
}

/// Locks a profile, so that nothing more of the user's can come while they are being deleted.
fn lock(db: &Db, user_id: Uuid) -> Result<()> {
    // Whoever changes the user's plan waits for the row while others wait for them.
    locks::share_users(&[user_id])?;
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
