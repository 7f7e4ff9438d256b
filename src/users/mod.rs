//! Users: profiles, which own all other rows of a user.

mod erasure;

use crate::access;
use crate::calendar::{period_start, zone};
use crate::definitions::TABLES;
use crate::identity;
use crate::locks;
use crate::pg::clock;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::heap::{Condition, Table};
use crate::pg::spi::{self, Access, Db};
use crate::pg::trigger::{self, Change, Returned};
use crate::pg::values::Jsonb;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::cell::Cell;

/// Profiles by user id.
pub const PROFILES: Table = Table { name: c"user_profiles", index: c"user_profiles_user_id_key" };

/// Values of `subscription_status`.
pub const STATUSES: [&str; 3] = ["active", "cancelled", "expired"];

/// Registers the settings of users.
pub fn register_settings() {
    erasure::register_settings();
}

/// Creates a user's profile and returns the user id.
///
/// An existing profile stays unchanged. Callable by services. Errors: 22023 (user_id is null,
/// unknown plan).
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

/// Deletes a user with all rows, and returns the storage paths of their documents.
///
/// The caller erases the files; they stay in files_to_erase() until erased_files() confirms them. A
/// path that a document of another user has too is left out. Usage is archived under a pseudonym,
/// which operators can resolve for `carrel.archive_resolvable_for`; then it is deleted. With
/// `archive_usage` it is kept permanently, without a link to the user. Callable by services.
/// Errors: 22023 (user_id is null), PT404 (no such user), 55000 (triggers that delete and archive
/// are disabled).
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

/// Returns up to `max_users` users with plan and usage, in the order of their ids.
///
/// Continues after the user `after_user`. Callable by operators and services. Errors: 22023
/// (max_users not from 1 to 10000).
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

/// Returns a user's rows, without those derived from them, as JSON.
///
/// Search vectors are left out: they hold nothing that the text does not. Callable by services.
/// Errors: 22023 (user_id is null), PT404 (no such user).
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

/// Builds the query of a user's rows. Columns that an operator added are exported as text: a cast
/// of their types to json would run.
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

/// Trigger BEFORE INSERT OR UPDATE of user_profiles: checks name, status, plan and time zone, and
/// sets the billing period of a new profile.
///
/// Errors: 22023 (blank name, unknown status, plan or time zone), 54000 (name too long).
#[pg_trigger]
fn prepare_profile<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        if trigger::restoring()? {
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

/// Error P0002: the user has no profile.
pub fn no_profile(user_id: Uuid) -> Error {
    Error::new(SqlState::NoDataFound, format!("user {user_id} has no profile"))
        .hint(format!("A service creates it: select carrel.create_user('{user_id}')"))
}

/// Fails if a new row belongs to nobody (28000) or to a user without a profile (P0002), before
/// policies, NOT NULL and foreign keys fail with less helpful messages. They still decide about
/// rows that pass here.
///
/// A user is looked up once a statement. A profile that another part of the statement inserts
/// counts if it is inserted first. Returns the owner; None: a policy refuses the row, and the
/// caller must learn nothing from its columns.
pub fn require_owner(row: &Change) -> Result<Option<Uuid>> {
    thread_local! {
        /// Last user found, and the start time of the statement.
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
    // The caller must learn nothing about other users.
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

/// Returns the caller's user id if policies apply to the row; fails with 28000 if there is none.
/// None: no policy applies, as for the table's owner and roles with BYPASSRLS.
pub fn require_identity(row: &Change) -> Result<Option<Uuid>> {
    if row.is_under_policies()? { identity::require().map(Some) } else { Ok(None) }
}

/// Maximum bytes of a name.
const MAX_NAME_BYTES: usize = 1000;

/// Fails with P0002 if a user has no profile.
pub fn require(db: &Db, user_id: Uuid) -> Result<()> {
    let found = "select from carrel.user_profiles where user_id = $1";
    if db.execute(found, &[user_id.into()])? == 0 { Err(no_profile(user_id)) } else { Ok(()) }
}

/// Error PT404: no such user, or none that the caller may see.
pub fn no_such_user(user_id: Uuid) -> Error {
    Error::not_found("user", user_id)
}

/// Error 22023: user_id is null.
pub fn missing_user_id() -> Error {
    Error::new(SqlState::InvalidParameterValue, "user_id must not be null")
}

/// Fails with 55000 while triggers that delete a user's rows, or archive them, are disabled: the
/// rows would stay without an owner.
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

/// Locks a profile: no more rows of the user can be added while they are deleted.
fn lock(db: &Db, user_id: Uuid) -> Result<()> {
    // User lock before row lock, as in set_plan(), which holds the user lock while it waits for the
    // row.
    locks::lock_users_shared(&[user_id])?;
    let found = db.execute(
        "select from carrel.user_profiles where user_id = $1 for update",
        &[user_id.into()],
    )?;
    if found == 0 { Err(no_such_user(user_id)) } else { Ok(()) }
}

/// Fails with 22023 if a new row has an unknown plan, before its foreign key fails.
pub fn require_plan_of(row: &Change) -> Result<()> {
    const PLANS: Table = Table { name: c"plans", index: c"plans_pkey" };
    let Some(plan) = row.new.get::<&str>(c"plan_type") else { return Ok(()) };
    if !row.changes(c"plan_type")? || PLANS.has(&[Condition::is_text(c"plan_type", plan)])? {
        return Ok(());
    }
    spi::as_owner(Access::Read, |db| require_plan(db, plan))
}

/// Fails with 22023 if a plan does not exist.
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
