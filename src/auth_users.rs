//! Followed table of users, such as Supabase's `auth.users`: each of its users has a profile, which
//! is deleted with the user.
//!
//! Everybody who may create a schema can create a table of that name. It is followed only if it and
//! its schema belong to superusers or to the role in `carrel.auth_users_owner`, or if a superuser
//! names it: follow_auth_users(). The foreign key of user_profiles identifies the followed table.
//!
//! The table's owner is not trusted. carrel locks the table before reading it, takes a new snapshot
//! (hence `Access::Write`), and reads it by [`table_scan`]: the planner would run functions in its
//! indexes and constraints. Triggers read only their own rows.

use crate::access;
use crate::definitions::AUTH_RULES;
use crate::pg::catalog;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::heap::table_scan::{self, Lock};
use crate::pg::spi::{self, Access, Db, NamedRows};
use crate::pg::trigger::{self, Returned};
use crate::pg::values::Relation;
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use pgrx::prelude::*;
use std::ffi::{CStr, CString};

/// Foreign key of user_profiles to the followed table.
const KEY: &str = "user_profiles_user_id_auth_fkey";
const ID: &CStr = c"id";
const METADATA: &CStr = c"raw_user_meta_data";
/// Name and column types of the table's rows in carrel's SQL.
const NAMED_ROWS: (&CStr, [(&CStr, pg_sys::Oid); 2]) =
    (c"auth_users", [(ID, pg_sys::UUIDOID), (METADATA, pg_sys::JSONBOID)]);

static OWNER: GucSetting<Option<CString>> =
    GucSetting::<Option<CString>>::new(Some(c"supabase_auth_admin"));

/// Registers `carrel.auth_users_owner`.
pub fn register_settings() {
    GucRegistry::define_string_guc(
        c"carrel.auth_users_owner",
        c"The role, besides superusers, whose auth.users is followed.",
        c"This role creates and deletes users by that table. Empty: superusers only.",
        &OWNER,
        GucContext::Suset,
        GucFlags::default(),
    );
}

/// Users that get a profile.
#[derive(Clone, Copy)]
enum NewProfiles {
    SignedUp,
    Missing,
}

/// Table that can be followed.
struct UsersTable {
    oid: pg_sys::Oid,
    /// Name with schema, quoted for SQL.
    name: String,
    owner: String,
    schema_owner: String,
    /// True if the table and its schema belong to superusers, or to the role in the setting.
    is_trusted: bool,
    /// True for an ordinary table with a unique column id of type uuid.
    has_unique_id: bool,
}

impl UsersTable {
    /// Reads the current properties of a table.
    fn find(db: &Db, oid: pg_sys::Oid) -> Result<Option<Self>> {
        let trusted = OWNER.get().map(|name| name.to_string_lossy().into_owned());
        db.first(
            include_str!("../sql/users/users_table.sql"),
            &[oid.into(), trusted.unwrap_or_default().into()],
            |row| {
                Ok(Self {
                    oid,
                    name: row.need(1)?,
                    owner: row.need(2)?,
                    schema_owner: row.need(3)?,
                    is_trusted: row.need(4)?,
                    has_unique_id: row.need(5)?,
                })
            },
        )
    }

    fn owners(&self) -> String {
        let Self { name, owner, schema_owner, .. } = self;
        format!("{name} belongs to role \"{owner}\", and its schema to \"{schema_owner}\"")
    }
}

/// Returns the table that the foreign key refers to.
fn table_of_key(db: &Db) -> Result<Option<pg_sys::Oid>> {
    db.first(
        "select confrelid from pg_constraint
        where conrelid = to_regclass('carrel.user_profiles') and contype = 'f' and conname = $1::text",
        &[KEY.into()],
        |row| row.need(1),
    )
}

/// Returns the table named auth.users.
fn auth_users_table(db: &Db) -> Result<Option<pg_sys::Oid>> {
    db.first(
        "select c.oid from pg_class as c join pg_namespace as n on c.relnamespace = n.oid
        where n.nspname = 'auth' and c.relname = 'users'",
        &[],
        |row| row.need(1),
    )
}

/// Returns the followed table.
fn followed(db: &Db) -> Result<Option<UsersTable>> {
    if let Some(oid) = table_of_key(db)? {
        return UsersTable::find(db, oid);
    }
    let Some(oid) = auth_users_table(db)? else { return Ok(None) };
    Ok(UsersTable::find(db, oid)?.filter(|table| table.is_trusted && table.has_unique_id))
}

/// Follows a table of users: each of its users gets a profile, by a foreign key and triggers.
///
/// From then on, the table's owner creates and deletes users. Callable by superusers. Errors: 22023
/// (no ordinary table with a unique column id of type uuid).
#[pg_extern(volatile, parallel_unsafe)]
fn follow_auth_users(users_table: Option<Relation>) {
    guard(|| {
        access::require_superuser("follow_auth_users")?;
        spi::need_writable(c"ALTER TABLE")?;
        let bad = |message: String| Error::new(SqlState::InvalidParameterValue, message);
        let Relation(oid) =
            users_table.ok_or_else(|| bad("users_table must not be null".to_owned()))?;
        let table = spi::as_owner(Access::Write, |db| {
            let table = UsersTable::find(db, oid)?.filter(|table| table.has_unique_id);
            let name: String = db.value("select $1::regclass::text", &[oid.into()])?;
            table.ok_or_else(|| {
                bad(format!("relation {name} cannot be followed as a table of users"))
                    .detail("It must be an ordinary table with a column id of type uuid that is unique by itself.")
            })
        })?;
        spi::as_owner(Access::Write, |db| match table_of_key(db)? {
            Some(other) if other != table.oid => {
                db.script(&format!("alter table carrel.user_profiles drop constraint {KEY}"))
            }
            _ => Ok(()),
        })?;
        follow(table.oid)
    })
}

/// Follows auth.users if it is trusted or was followed before. Part of migrate().
pub fn follow_known() -> Result<()> {
    let found = spi::as_owner(Access::Write, |db| match table_of_key(db)? {
        Some(oid) => Ok(Some((oid, true))),
        None => Ok(auth_users_table(db)?.map(|oid| (oid, false))),
    })?;
    let Some((oid, is_followed)) = found else { return Ok(()) };
    lock(oid)?;
    let table = spi::as_owner(Access::Write, |db| UsersTable::find(db, oid))?;
    let Some(table) = table.filter(|table| table.has_unique_id) else { return Ok(()) };
    if is_followed || table.is_trusted {
        return follow(oid);
    }
    ereport!(
        PgLogLevel::NOTICE,
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("{}: it is not followed", table.owners()),
        format!(
            "If its owner may create and delete users: select carrel.follow_auth_users('{}')",
            table.name
        )
    );
    Ok(())
}

/// Locks a table against changes until the transaction ends.
fn lock(oid: pg_sys::Oid) -> Result<()> {
    spi::patiently(|| catalog::lock(oid, pg_sys::ShareRowExclusiveLock))
}

/// Creates triggers, missing profiles and the foreign key.
fn follow(oid: pg_sys::Oid) -> Result<()> {
    lock(oid)?;
    let Some(table) = spi::as_owner(Access::Write, |db| UsersTable::find(db, oid))? else {
        return Ok(());
    };
    let has_key = spi::as_owner(Access::Write, table_of_key)? == Some(oid);
    spi::as_superuser(Access::Write, |db| {
        db.silence_notices();
        db.script(&AUTH_RULES.replace(":followed", &table.name))?;
        if !has_key {
            db.script(&format!(
                "alter table carrel.user_profiles add constraint {KEY}
                foreign key (user_id) references {} (id) on delete cascade not valid",
                table.name
            ))?;
        }
        Ok(())
    })?;
    let orphans = spi::as_owner(Access::Write, |db| {
        let rows = read_users(db, oid)?;
        db.planned_for_values(|| create_profiles(db, NewProfiles::Missing))?;
        let orphans = db.value::<i64>(
            "select count(*) from carrel.user_profiles as p
            where not exists (select from auth_users as u where u.id = p.user_id)",
            &[],
        )?;
        rows.end()?;
        Ok(orphans)
    })?;
    if orphans == 0 {
        return spi::as_owner(Access::Write, |db| {
            db.script(&format!("alter table carrel.user_profiles validate constraint {KEY}"))
        });
    }
    ereport!(
        PgLogLevel::WARNING,
        PgSqlErrorCode::ERRCODE_WARNING,
        match orphans {
            1 => format!("1 profile belongs to no user in {}", table.name),
            _ => format!("{orphans} profiles belong to no user in {}", table.name),
        },
        "What is there stays as it is; new profiles must belong to a user."
    );
    Ok(())
}

/// Reads the table's rows into the relation auth_users. The caller ends it.
fn read_users(db: &Db, oid: pg_sys::Oid) -> Result<NamedRows> {
    let mut rows = db.named_rows(NAMED_ROWS.0, &NAMED_ROWS.1)?;
    table_scan::read(oid, Lock::Definition, &[ID, METADATA], |row| {
        let id = row[0].map(|value| value.convert(pg_sys::UUIDOID)).transpose()?;
        // Text of another type may be no JSON, and only Supabase's column holds names.
        let metadata = row[1].filter(|value| value.kind() == pg_sys::JSONBOID);
        let metadata = metadata.map(|value| value.convert(pg_sys::JSONBOID)).transpose()?;
        rows.add(&[id, metadata])
    })?;
    rows.publish()?;
    Ok(rows)
}

/// Creates profiles of rows of auth_users. [`NewProfiles::Missing`] leaves out users deleted from
/// carrel: they come back by create_user() or by signing up again.
fn create_profiles(db: &Db, profiles: NewProfiles) -> Result<()> {
    db.script(match profiles {
        NewProfiles::SignedUp => include_str!("../sql/users/create_profiles_on_sign_up.sql"),
        NewProfiles::Missing => include_str!("../sql/users/create_missing_profiles.sql"),
    })
}

/// Adds the followed table's rows to a connection's SQL, as `auth_users (id, raw_user_meta_data)`.
/// None: no table is followed. The caller ends the relation.
pub fn followed_users(db: &Db) -> Result<Option<NamedRows>> {
    match followed(db)? {
        Some(table) => read_users(db, table.oid).map(Some),
        None => Ok(None),
    }
}

/// Trigger AFTER INSERT of the followed table: creates a profile for each new user.
///
/// A failure is a WARNING and does not stop the sign-up: doctor() lists users without a profile,
/// and migrate() creates the profiles.
#[pg_trigger]
fn create_profile_on_sign_up<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    guard(|| {
        if trigger::restoring()? {
            return Ok(Ok(None));
        }
        let has_metadata = require_followed(trigger)?;
        let made = spi::subtransaction(|| {
            spi::as_owner(Access::Write, |db| {
                let mut rows = db.named_rows(NAMED_ROWS.0, &NAMED_ROWS.1)?;
                let id = trigger::column(trigger, ID)?;
                let metadata =
                    if has_metadata { Some(trigger::column(trigger, METADATA)?) } else { None };
                trigger::each_new(trigger, |row| {
                    rows.add(&[row.raw(id), metadata.and_then(|column| row.raw(column))])
                })?;
                rows.publish()?;
                create_profiles(db, NewProfiles::SignedUp)?;
                rows.end()
            })
        });
        match made {
            Err(error) if !error.is_of_system() => {
                ereport!(
                    PgLogLevel::WARNING,
                    PgSqlErrorCode::ERRCODE_WARNING,
                    format!("a user signed up without a profile: {}", error.message()),
                    "carrel.doctor() names such users; carrel.migrate() makes their profiles."
                );
                Ok(Ok(None))
            }
            made => made.map(|()| Ok(None)),
        }
    })
}

/// Trigger AFTER DELETE of the followed table: deletes the profiles of deleted users, as the
/// foreign key does.
#[pg_trigger]
fn delete_profile_of_deleted<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    guard(|| {
        require_followed(trigger)?;
        spi::as_owner(Access::Write, |db| {
            let id = trigger::column(trigger, ID)?;
            let mut rows = db.named_rows(NAMED_ROWS.0, &NAMED_ROWS.1)?;
            trigger::each_old(trigger, |row| rows.add(&[row.raw(id), None]))?;
            rows.publish()?;
            db.script(
                "delete from carrel.user_profiles where user_id in (select id from auth_users)",
            )?;
            rows.end()
        })?;
        Ok(Ok(None))
    })
}

/// Fails with 42501 unless the trigger's table is the followed one. Returns true if it has
/// Supabase's metadata.
fn require_followed(trigger: &PgTrigger) -> Result<bool> {
    let (data, relation) = (trigger.trigger_data(), trigger::table(trigger));
    let is_followed = spi::as_owner(Access::Read, |db| {
        Ok(followed(db)?.is_some_and(|table| table.oid == relation))
    })?;
    let kind = |column| trigger::type_of(data, column);
    if is_followed && kind(ID) == Some(pg_sys::UUIDOID) {
        return Ok(kind(METADATA) == Some(pg_sys::JSONBOID));
    }
    Err(Error::new(
        SqlState::InsufficientPrivilege,
        "this table is not the table of users that carrel follows",
    )
    .hint("A superuser has carrel follow it: select carrel.follow_auth_users('schema.table')"))
}

/// Lists missing triggers and keys, users without a profile, and profiles without a user. Part of
/// doctor().
pub fn faults(db: &Db) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let Some(table) = followed(db)? else {
        // Triggers of a table that was followed before.
        return db
            .rows(include_str!("../sql/users/abandoned_triggers.sql"), &[], |row| row.need(1));
    };
    let name = &table.name;
    for (trigger, function) in [
        ("carrel_create_profile", "create_profile_on_sign_up"),
        ("carrel_delete_profile", "delete_profile_of_deleted"),
    ] {
        let is_there = db.value::<bool>(
            include_str!("../sql/users/has_trigger.sql"),
            &[table.oid.into(), trigger.into(), function.into()],
        )?;
        if !is_there {
            faults.push(format!(
                "trigger {trigger} on {name} (owner {}) is missing, disabled or altered: select carrel.migrate()",
                table.owner
            ));
        }
    }
    if table_of_key(db)?.is_none() {
        faults.push(format!(
            "user_profiles has no foreign key to {name} (owner {}): select carrel.migrate()",
            table.owner
        ));
    }
    let rows = read_users(db, table.oid)?;
    let missing = db.value::<i64>(include_str!("../sql/users/count_missing_profiles.sql"), &[])?;
    // Until the key is validated, older profiles may belong to no user: see `follow`.
    let deleted =
        db.rows(include_str!("../sql/users/deleted_users.sql"), &[KEY.into()], |row| {
            Ok((row.need::<String>(1)?, row.need::<i64>(2)?))
        })?;
    rows.end()?;
    match missing {
        0 => {}
        1 => faults.push(format!("1 user of {name} has no profile: select carrel.migrate()")),
        _ => faults
            .push(format!("{missing} users of {name} have no profile: select carrel.migrate()")),
    }
    let more = deleted.first().map_or(0, |(_, count)| count - deleted.len() as i64);
    faults.extend(deleted.into_iter().map(|(user, _)| {
        format!("user {user} was deleted from {name}, past its triggers: select carrel.delete_user('{user}')")
    }));
    if more > 0 {
        faults.push(format!("{more} more were deleted as well"));
    }
    Ok(faults)
}
