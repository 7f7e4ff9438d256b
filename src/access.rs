//! Which roles may use carrel: grant_user(), grant_service() and their revokes.
//!
//! What each kind of role gets is `sql/privileges/<kind>.sql`, and nothing is granted elsewhere.

use crate::datums::Name;
use crate::error::{Error, Result, SqlState, catch, guard};
use crate::schema::definitions::statements;
use crate::spi::{self, Access, Db};
use pgrx::prelude::*;
use std::cell::Cell;
use std::ffi::c_int;

/// The kinds of roles, as `granted_roles.kind` names them.
const KINDS: [(&str, &str); 3] = [
    ("user", include_str!("../sql/privileges/user.sql")),
    ("self_metering", include_str!("../sql/privileges/self_metering.sql")),
    ("service", include_str!("../sql/privileges/service.sql")),
];

/// Lets a role work as an application's end users do: in their own rows, under the policies.
/// With self_metering it may also record its own usage.
#[pg_extern(volatile, parallel_unsafe)]
fn grant_user(role: Option<Name>, self_metering: default!(Option<bool>, false)) {
    guard(|| {
        let role = &given(role)?;
        as_administrator("grant_user", |db| {
            grant(db, "user", role)?;
            if self_metering.unwrap_or(false) { grant(db, "self_metering", role) } else { Ok(()) }
        })
    })
}

/// Lets a role work as an application's trusted workers and billing jobs do.
#[pg_extern(volatile, parallel_unsafe)]
fn grant_service(role: Option<Name>) {
    guard(|| {
        let role = &given(role)?;
        as_administrator("grant_service", |db| grant(db, "service", role))
    })
}

/// Takes back what grant_user() granted.
#[pg_extern(volatile, parallel_unsafe)]
fn revoke_user(role: Option<Name>) {
    guard(|| {
        let role = &given(role)?;
        as_administrator("revoke_user", |db| {
            revoke(db, "self_metering", role)?;
            revoke(db, "user", role)
        })
    })
}

/// Takes back what grant_service() granted.
#[pg_extern(volatile, parallel_unsafe)]
fn revoke_service(role: Option<Name>) {
    guard(|| {
        let role = &given(role)?;
        as_administrator("revoke_service", |db| revoke(db, "service", role))
    })
}

/// Whether the caller is a service (or a superuser) rather than an end user: it may call
/// create_user(). Postgres' own privileges are the truth of this. Not to be asked as the owner.
pub fn is_service() -> Result<bool> {
    may_create_users(None)
}

/// Whether the role that the session acts as is a service: who reads an error's hint, also while carrel works as the
/// owner.
pub fn is_session_of_service() -> Result<bool> {
    // SAFETY: reads the state of the session.
    let role = unsafe { pg_sys::GetOuterUserId() };
    may_create_users(Some(role))
}

/// Whether a role, or the current user, may call create_user().
fn may_create_users(role: Option<pg_sys::Oid>) -> Result<bool> {
    thread_local! {
        /// The oid of create_user(), when it was last looked up.
        static FUNCTION: Cell<pg_sys::Oid> = const { Cell::new(pg_sys::InvalidOid) };
    }
    let cache = pg_sys::SysCacheIdentifier::PROCOID as c_int;
    let known = pg_sys::Datum::from(FUNCTION.get());
    // SAFETY: a cache by oid.
    let is_known =
        catch(|| unsafe { SearchSysCacheExists(cache, known, 0.into(), 0.into(), 0.into()) })?;
    if !is_known {
        let find = "select 'carrel.create_user(uuid, text, text)'::regprocedure::oid";
        FUNCTION.set(spi::as_owner(Access::Read, |db| db.value(find, &[]))?);
    }
    let function = pg_sys::Datum::from(FUNCTION.get());
    let Some(privilege) = "execute".into_datum() else { return Ok(false) };
    let none = pg_sys::InvalidOid;
    // SAFETY: the oids of a role and of a function, and a text: what each takes.
    let has = catch(|| unsafe {
        match role {
            None => DirectFunctionCall2Coll(has_function_privilege_id, none, function, privilege),
            Some(role) => DirectFunctionCall3Coll(
                has_function_privilege_id_id,
                none,
                role.into(),
                function,
                privilege,
            ),
        }
    })?;
    Ok(has.value() != 0)
}

unsafe extern "C-unwind" {
    fn SearchSysCacheExists(
        cache: c_int,
        first: pg_sys::Datum,
        second: pg_sys::Datum,
        third: pg_sys::Datum,
        fourth: pg_sys::Datum,
    ) -> bool;
    fn DirectFunctionCall2Coll(
        function: unsafe extern "C-unwind" fn(pg_sys::FunctionCallInfo) -> pg_sys::Datum,
        collation: pg_sys::Oid,
        first: pg_sys::Datum,
        second: pg_sys::Datum,
    ) -> pg_sys::Datum;
    fn DirectFunctionCall3Coll(
        function: unsafe extern "C-unwind" fn(pg_sys::FunctionCallInfo) -> pg_sys::Datum,
        collation: pg_sys::Oid,
        first: pg_sys::Datum,
        second: pg_sys::Datum,
        third: pg_sys::Datum,
    ) -> pg_sys::Datum;
    fn has_function_privilege_id(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum;
    fn has_function_privilege_id_id(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum;
}

/// Records Supabase's roles, the first time that they are seen. Part of migrate().
pub fn adopt_known_roles(db: &Db) -> Result<()> {
    for (role, kind) in [("authenticated", "user"), ("service_role", "service")] {
        db.execute(
            "insert into carrel.granted_roles (role_name, kind, granted)
            select $1, $2, true where exists (select from pg_roles where rolname = $1)
            on conflict do nothing",
            &[role.into(), kind.into()],
        )?;
    }
    Ok(())
}

/// Grants again to every role that was granted to and not revoked since.
pub fn grant_recorded(db: &Db) -> Result<()> {
    let recorded = db.rows(
        "select kind, quote_ident(role_name) from carrel.granted_roles
        where granted and role_name in (select rolname from pg_roles)
        order by role_name, kind",
        &[],
        |row| Ok((row.need::<String>(1)?, row.need::<String>(2)?)),
    )?;
    for (kind, role) in recorded {
        for privilege in privileges(&kind) {
            db.script(&privilege.replace(":role", &role))?;
        }
    }
    Ok(())
}

/// The grants of a kind of role, with `:role` in the place of its name.
pub fn privileges(kind: &str) -> Vec<&'static str> {
    KINDS.iter().filter(|(name, _)| *name == kind).flat_map(|(_, sql)| statements(sql)).collect()
}

fn given(role: Option<Name>) -> Result<String> {
    role.map(|role| role.0)
        .ok_or_else(|| Error::new(SqlState::InvalidParameterValue, "role must not be null"))
}

fn grant(db: &Db, kind: &str, role: &str) -> Result<()> {
    let quoted = quoted(db, role)?;
    for privilege in privileges(kind) {
        db.script(&privilege.replace(":role", &quoted))?;
    }
    record(db, kind, role, true)
}

/// Revokes what a kind grants, and grants again what the role's other kinds share with it.
fn revoke(db: &Db, kind: &str, role: &str) -> Result<()> {
    let quoted = quoted(db, role)?;
    for privilege in privileges(kind) {
        let revoke = privilege
            .replacen("grant ", "revoke ", 1)
            .replace(" to :role", " from :role")
            .replace(":role", &quoted);
        db.script(&revoke)?;
    }
    record(db, kind, role, false)?;
    grant_recorded(db)
}

fn record(db: &Db, kind: &str, role: &str, granted: bool) -> Result<()> {
    db.execute(
        "insert into carrel.granted_roles (role_name, kind, granted) values ($1, $2, $3)
        on conflict (role_name, kind) do update set granted = excluded.granted, changed_at = now()",
        &[role.into(), kind.into(), granted.into()],
    )?;
    Ok(())
}

/// The name of a role that exists, quoted for SQL.
fn quoted(db: &Db, role: &str) -> Result<String> {
    if role == "public" {
        return Err(Error::new(
            SqlState::InvalidParameterValue,
            "PUBLIC cannot be granted or revoked: it is not a role, but stands for all of them",
        )
        .hint("Name the role that the application connects as."));
    }
    db.first(
        "select quote_ident(rolname) from pg_roles where rolname = $1",
        &[role.into()],
        |row| row.need(1),
    )?
    .ok_or_else(|| {
        Error::new(SqlState::InvalidParameterValue, format!("role \"{role}\" does not exist"))
            .hint("Create it first: create role … nologin")
    })
}

/// Runs work of the operator's as the owner of the schema: for superusers only.
pub fn as_administrator<T>(function: &str, work: impl FnOnce(&Db) -> Result<T>) -> Result<T> {
    as_schema_owner(function, Access::Write, work)
}

/// The same for work that only reads.
pub fn as_administrator_reading<T>(
    function: &str,
    work: impl FnOnce(&Db) -> Result<T>,
) -> Result<T> {
    as_schema_owner(function, Access::Read, work)
}

fn as_schema_owner<T>(
    function: &str,
    access: Access,
    work: impl FnOnce(&Db) -> Result<T>,
) -> Result<T> {
    // SAFETY: reads the catalog.
    if !unsafe { pg_sys::superuser() } {
        return Err(Error::new(
            SqlState::InsufficientPrivilege,
            format!("carrel.{function}() is for superusers"),
        )
        .hint("Call it as the role that created the extension."));
    }
    let owner = spi::as_caller(Access::Read, |db| {
        db.value("select nspowner from pg_namespace where nspname = 'carrel'", &[])
    })?;
    spi::as_role(owner, access, work)
}
