//! Roles that may use carrel: grant_user(), grant_service(), grant_operator() and their revokes.
//!
//! [`privileges`] holds the privileges of each kind of role: `sql/privileges/<kind>.sql`. Nothing
//! is granted elsewhere. [`callers`] determines the kinds of the calling role. [`differences`]
//! compares the privileges in the catalog with both.

pub mod added_code;
mod callers;
mod check_privileges;
mod differences;
mod named_roles;
pub mod owner;
mod privileges;

use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::roles;
use crate::pg::spi::{self, Access, Db};
use crate::pg::values::Name;
pub use callers::{
    current_role, is_service, is_session_of_service, require_metering, require_operator,
    require_operator_or_service, require_service, rights, rights_of,
};
pub use differences::{default_privileges, differences};
use named_roles::of_named_roles;
use pgrx::prelude::*;
pub use privileges::RoleKind;

const MEMBERSHIPS: &str = include_str!("../../sql/access/memberships.sql");
const STALE_RECORDS: &str = of_named_roles!(include_str!("../../sql/access/stale_records.sql"));

/// Grants a role the rights of an application's end users: their own rows, under row-level
/// security.
///
/// With `self_metering`, the role may also record its own usage. Callable by operators. Errors:
/// 22023 (no such role, PUBLIC or carrel_owner), 42501 (role that the caller is or can
/// become, or that can become the caller).
#[pg_extern(volatile, parallel_unsafe)]
fn grant_user(role: Option<Name>, self_metering: default!(Option<bool>, false)) {
    guard(|| {
        let role = Role::to_grant("grant_user", role)?;
        role.grant(RoleKind::User)?;
        if self_metering.unwrap_or(false) { role.grant(RoleKind::SelfMetering) } else { Ok(()) }
    })
}

/// Grants a role the rights of an application's trusted workers and billing jobs.
///
/// Callable by operators. Errors: 22023 (no such role, PUBLIC or carrel_owner), 42501 (role that
/// the caller is or can become, or that can become the caller).
#[pg_extern(volatile, parallel_unsafe)]
fn grant_service(role: Option<Name>) {
    guard(|| Role::to_grant("grant_service", role)?.grant(RoleKind::Service))
}

/// Grants a role the right to administer plans, limits, prices and keys, to grant users and
/// services, and to monitor the database.
///
/// The role may also add foreign keys to carrel's tables. An operator never sees texts of users.
/// Callable by superusers. Errors: 22023 (no such role, PUBLIC or carrel_owner).
#[pg_extern(volatile, parallel_unsafe)]
fn grant_operator(role: Option<Name>) {
    guard(|| {
        require_superuser("grant_operator")?;
        Role::to_grant("grant_operator", role)?.grant(RoleKind::Operator)
    })
}

/// Revokes the rights that grant_user() granted.
///
/// Also works for a role that was dropped or renamed. Callable by operators. Errors: 22023 (no such
/// role, PUBLIC).
#[pg_extern(volatile, parallel_unsafe)]
fn revoke_user(role: Option<Name>) {
    guard(|| revoke("revoke_user", role, &[RoleKind::SelfMetering, RoleKind::User]))
}

/// Revokes the rights that grant_service() granted.
///
/// Also works for a role that was dropped or renamed. Callable by operators. Errors: 22023 (no such
/// role, PUBLIC).
#[pg_extern(volatile, parallel_unsafe)]
fn revoke_service(role: Option<Name>) {
    guard(|| revoke("revoke_service", role, &[RoleKind::Service]))
}

/// Revokes the rights that grant_operator() granted.
///
/// Also works for a role that was dropped or renamed. Callable by superusers. Errors: 22023 (no
/// such role, PUBLIC).
#[pg_extern(volatile, parallel_unsafe)]
fn revoke_operator(role: Option<Name>) {
    guard(|| {
        require_superuser("revoke_operator")?;
        revoke("revoke_operator", role, &[RoleKind::Operator])
    })
}

/// Tells if the current role is an operator.
///
/// Policies of plans, limits, prices and keys call it. Callable by every granted role.
#[pg_extern(stable, parallel_safe)]
fn is_operator() -> bool {
    guard(|| Ok(rights()?.has(RoleKind::Operator)))
}

/// Trigger AFTER INSERT OR UPDATE OR DELETE of granted_roles, also by replication: every session
/// reads rights again after the commit.
#[pg_trigger]
fn forget_granted_roles<'a>(trigger: &'a PgTrigger<'a>) -> crate::pg::trigger::Returned<'a> {
    crate::pg::trigger::after_row(trigger, |_| callers::forget_in_all_sessions())
}

/// Returns true if an operator that granted to this role could use the grant: its own role, that of its session
/// or login can become the role, or the role can become the operator. It could read texts of users.
fn is_of_caller(role: pg_sys::Oid) -> Result<bool> {
    let caller = roles::current();
    if roles::has_superuser(caller)? {
        return Ok(false);
    }
    for own in [caller, roles::of_session(), roles::of_login()] {
        if !roles::has_superuser(own)? && roles::can_become(own, role)? {
            return Ok(true);
        }
    }
    roles::can_become(role, caller)
}

/// Existing role.
struct Role {
    oid: pg_sys::Oid,
    name: String,
}

impl Role {
    /// Finds the role to grant to. Fails unless the caller may grant to it.
    fn to_grant(function: &str, name: Option<Name>) -> Result<Self> {
        require_operator(function)?;
        let name = given(name)?;
        let role = Self::find(&name)?.ok_or_else(|| no_such_role(&name))?;
        if crate::pg::owner::find()? == Some(role.oid) {
            return Err(Error::new(
                SqlState::InvalidParameterValue,
                format!("role \"{name}\" owns carrel's tables and is granted nothing"),
            )
            .hint("Nobody works as this role: grant to a role that logs in."));
        }
        if is_of_caller(role.oid)? {
            return Err(Error::new(
                SqlState::InsufficientPrivilege,
                format!(
                    "role \"{}\" cannot grant to role \"{name}\": one of them is or can become the other",
                    current_role()
                ),
            )
            .detail("Operators do not see users' texts; services and users do.")
            .hint("Ask a superuser, or another operator."));
        }
        Ok(role)
    }

    fn find(name: &str) -> Result<Option<Self>> {
        spi::as_owner(Access::Read, |db| {
            db.first(
                "select oid, rolname::text from pg_roles where rolname = $1",
                &[name.into()],
                |row| Ok(Self { oid: row.need(1)?, name: row.need(2)? }),
            )
        })
    }

    fn grant(&self, kind: RoleKind) -> Result<()> {
        lock_definitions()?;
        spi::as_owner(Access::Write, |db| {
            refresh_records(db, ForeignRecords::Remove)?;
            db.execute(
                include_str!("../../sql/access/grant_role.sql"),
                &[
                    callers::installation()?.into(),
                    self.oid.into(),
                    kind.name().into(),
                    self.name.as_str().into(),
                ],
            )?;
            Ok(())
        })?;
        repair_privileges()
    }
}

/// Revokes kinds from a role, also if it was renamed or dropped.
fn revoke(function: &str, name: Option<Name>, kinds: &[RoleKind]) -> Result<()> {
    require_operator(function)?;
    let name = given(name)?;
    let kinds: Vec<String> = kinds.iter().map(|kind| kind.name().to_owned()).collect();
    lock_definitions()?;
    let role = Role::find(&name)?;
    let recorded = spi::as_owner(Access::Write, |db| {
        refresh_records(db, ForeignRecords::Remove)?;
        match &role {
            Some(role) => kinds.iter().try_fold(0, |_, kind| {
                db.execute(
                    include_str!("../../sql/access/revoke_role.sql"),
                    &[
                        callers::installation()?.into(),
                        role.oid.into(),
                        kind.as_str().into(),
                        role.name.as_str().into(),
                    ],
                )
            }),
            None => db.execute(
                "delete from carrel.granted_roles where role_name = $1 and kind = any ($2)",
                &[name.as_str().into(), kinds.clone().into()],
            ),
        }
    })?;
    if role.is_none() && recorded == 0 {
        return Err(no_such_role(&name));
    }
    repair_privileges()
}

fn given(role: Option<Name>) -> Result<String> {
    let bad = |message| Error::new(SqlState::InvalidParameterValue, message);
    match role.map(|role| role.0) {
        None => Err(bad("role must not be null")),
        Some(name) if name == "public" => Err(bad(
            "PUBLIC cannot be granted or revoked: it is not a role, but stands for all of them",
        )
        .hint("Name the role that the application connects as.")),
        Some(name) => Ok(name),
    }
}

fn no_such_role(name: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("role \"{name}\" does not exist"))
        .hint("Create it first: create role … nologin")
}

/// Grants to Supabase's roles, if they exist.
///
/// Runs when the tables are created, not at later calls of migrate(): the operator did not choose a
/// role of that name created later.
pub fn adopt_known_roles() -> Result<()> {
    for (role, kind) in [("authenticated", RoleKind::User), ("service_role", RoleKind::Service)] {
        let Some(role) = Role::find(role)? else { continue };
        let adopted = spi::as_owner(Access::Write, |db| {
            refresh_records(db, ForeignRecords::Remove)?;
            db.execute(
                "insert into carrel.granted_roles (recorded_in, role_oid, kind, role_name, granted)
                values ($1, $2, $3, $4, true) on conflict do nothing",
                &[
                    callers::installation()?.into(),
                    role.oid.into(),
                    kind.name().into(),
                    role.name.as_str().into(),
                ],
            )
        })?;
        if adopted > 0 {
            let name = &role.name;
            ereport!(
                PgLogLevel::NOTICE,
                PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
                format!("carrel grants to the existing role \"{name}\" as to a {}", kind.name()),
                format!("If it is not meant: select carrel.revoke_{}('{name}')", kind.name())
            );
        }
    }
    Ok(())
}

/// Treatment of records of other installations whose roles have no privileges on carrel here.
#[derive(Clone, Copy, PartialEq)]
pub enum ForeignRecords {
    /// Grants to their roles, unless a role without a record has privileges: it may be the recorded
    /// role under a new name.
    Adopt,
    /// Deletes the records.
    Remove,
}

/// Updates the records to the roles of this cluster: renames renamed roles, deletes dropped ones,
/// and makes records that a restore or replication brought this installation's own.
///
/// Only migrate() trusts a name alone, for example after a restore without privileges: see
/// `sql/access/named_roles.sql`.
pub fn refresh_records(db: &Db, foreign_records: ForeignRecords) -> Result<()> {
    let here = callers::installation()?;
    let is_adopting = foreign_records == ForeignRecords::Adopt
        && db.value::<bool>(
            of_named_roles!(include_str!("../../sql/access/all_grantees_recorded.sql")),
            &[here.as_str().into()],
        )?;
    let removed = db.rows(
        of_named_roles!(include_str!("../../sql/access/delete_stale_records.sql")),
        &[here.as_str().into(), is_adopting.into()],
        |row| Ok((row.need::<String>(1)?, row.need::<String>(2)?, row.need::<bool>(3)?)),
    )?;
    for (role, kind, _) in removed.into_iter().filter(|(.., is_unrecorded)| *is_unrecorded) {
        let grant = match kind.as_str() {
            "self_metering" => format!("grant_user('{role}', self_metering => true)"),
            kind => format!("grant_{kind}('{role}')"),
        };
        ereport!(
            PgLogLevel::WARNING,
            PgSqlErrorCode::ERRCODE_WARNING,
            format!(
                "role \"{role}\" was granted as {kind} in another installation and is granted nothing here"
            ),
            format!(
                "It has no privileges of carrel's here. If it is the same role: select carrel.{grant}"
            )
        );
    }
    db.execute(
        of_named_roles!(include_str!("../../sql/access/rename_records.sql")),
        &[here.as_str().into()],
    )?;
    Ok(())
}

/// Waits until no other session changes carrel's tables or privileges.
pub fn lock_definitions() -> Result<()> {
    crate::locks::lock_definitions()
}

/// Lists records that do not match their roles, and roles with more rights than granted, each with
/// its remedy. Part of doctor().
pub fn role_faults(db: &Db) -> Result<Vec<String>> {
    let mut problems: Vec<String> =
        db.rows(STALE_RECORDS, &[callers::installation()?.into()], |row| row.need(1))?;
    let (roles, kinds) = differences::granted(db)?.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
    problems
        .extend(db.rows(MEMBERSHIPS, &[roles.into(), kinds.into()], |row| row.need::<String>(1))?);
    Ok(problems)
}

/// Grants missing privileges to granted roles. Revokes unexpected privileges from granted roles,
/// PUBLIC and the roles of default privileges.
///
/// Leaves other roles alone; doctor() lists them.
pub fn repair_privileges() -> Result<()> {
    lock_definitions()?;
    // Access::Write sees the records that this transaction has just written.
    let differences = spi::as_owner(Access::Write, differences)?;
    let statements: Vec<String> = differences
        .into_iter()
        .filter(|difference| difference.is_carrels)
        .map(|difference| difference.remedy)
        .collect();
    spi::as_superuser(Access::Write, |db| {
        statements.iter().try_for_each(|statement| db.script(statement))
    })
}

/// Lists the roles granted as users or services, quoted for SQL.
pub fn granted_role_names() -> Result<Vec<String>> {
    spi::as_owner(Access::Read, |db| {
        let roles = differences::granted(db)?;
        let roles: Vec<pg_sys::Oid> = roles
            .into_iter()
            .filter(|(_, kind)| kind != RoleKind::Operator.name())
            .map(|(role, _)| role)
            .collect();
        db.rows(
            "select quote_ident(rolname) from pg_roles where oid = any ($1) order by 1",
            &[roles.into()],
            |row| row.need(1),
        )
    })
}

/// Fails with 42501 unless the caller is a superuser.
pub fn require_superuser(function: &str) -> Result<()> {
    if roles::is_superuser() {
        return Ok(());
    }
    Err(Error::new(
        SqlState::InsufficientPrivilege,
        format!("carrel.{function}() is for superusers, and role \"{}\" is none", current_role()),
    )
    .hint("Call it as the role that created the extension."))
}

/// Runs a superuser's work on carrel's tables, as their owner.
pub fn as_administrator<T>(
    function: &str,
    access: Access,
    work: impl FnOnce(&Db) -> Result<T>,
) -> Result<T> {
    require_superuser(function)?;
    spi::as_owner(access, work)
}
