//! Rights of the calling role: end user, service, operator, as grant_user(), grant_service() and
//! grant_operator() recorded them.
//!
//! Privileges alone do not make a role a service: many guides grant everything to every role.
//! Functions and triggers therefore check here. Superusers and the owner of the tables have every
//! right. Other roles have the rights of the roles that they inherit from.

use super::privileges::RoleKind;
use crate::pg::cache::{self, Changes};
use crate::pg::error::{Error, Result, SqlState};
use crate::pg::heap::Table;
use crate::pg::owner;
use crate::pg::roles;
use crate::pg::spi::{self, Access};
use pgrx::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::CString;

const GRANTED_ROLES: Table = Table { name: c"granted_roles", index: c"granted_roles_pkey" };

/// Set of role kinds.
#[derive(Clone, Copy, Default, PartialEq)]
pub struct Rights(u8);

impl Rights {
    const ALL: Self = Self(u8::MAX);
    /// Rights of the tables' owner: writes every row, administers nothing.
    const OWNER: Self = Self(
        1 << 7
            | 1 << RoleKind::User as u8
            | 1 << RoleKind::SelfMetering as u8
            | 1 << RoleKind::Service as u8,
    );

    pub fn has(self, kind: RoleKind) -> bool {
        self.0 & Self::of(kind).0 != 0
    }

    fn of(kind: RoleKind) -> Self {
        Self(1 << kind as u8)
    }

    /// Tells if the role is a superuser or the owner of the tables.
    pub fn are_unrestricted(self) -> bool {
        self.0 & 1 << 7 != 0
    }

    /// Tells if the role may act for a user at all.
    pub fn may_be_a_user(self) -> bool {
        [RoleKind::User, RoleKind::SelfMetering, RoleKind::Service]
            .into_iter()
            .any(|kind| self.has(kind))
    }
}

thread_local! {
    static CACHED: RefCell<HashMap<pg_sys::Oid, Rights>> = RefCell::default();
    /// Last role and its rights: policies ask once a row.
    static LAST: Cell<Option<(pg_sys::Oid, Rights)>> = const { Cell::new(None) };
    /// Changes of roles, memberships, the schema's privileges and granted_roles.
    static CHANGES: Changes = const {
        use pg_sys::SysCacheIdentifier::{AUTHMEMMEMROLE, AUTHOID, NAMESPACEOID};
        Changes::of(&[AUTHMEMMEMROLE, AUTHOID, NAMESPACEOID])
    };
}

/// Returns the rights of the current role.
pub fn rights() -> Result<Rights> {
    rights_of(roles::current())
}

/// Returns the rights of a role.
pub fn rights_of(role: pg_sys::Oid) -> Result<Rights> {
    if let Some((last, rights)) = LAST.get()
        && last == role
        && !CHANGES.with(Changes::is_pending)
    {
        return Ok(rights);
    }
    if Changes::take(&CHANGES) {
        CACHED.with_borrow_mut(HashMap::clear);
    }
    let known = CACHED.with_borrow(|known| known.get(&role).copied());
    let rights = match known {
        Some(rights) => rights,
        None => look_up(role)?,
    };
    CACHED.with_borrow_mut(|known| known.insert(role, rights));
    LAST.set(Some((role, rights)));
    Ok(rights)
}

fn look_up(role: pg_sys::Oid) -> Result<Rights> {
    if roles::has_superuser(role)? {
        return Ok(Rights::ALL);
    }
    if Some(role) == owner::find()? {
        return Ok(Rights::OWNER);
    }
    let (mut granted, here) = (Vec::new(), installation()?);
    let table = GRANTED_ROLES.oid()?;
    CHANGES.with(|changes| changes.watch(vec![table]));
    GRANTED_ROLES.read(
        &[],
        [c"recorded_in", c"role_oid", c"kind", c"role_name", c"granted"],
        |row| {
            if row.need(5)?
                && let Some(kind) = RoleKind::named(&row.need::<String>(3)?)
            {
                let record = GrantRecord {
                    is_own: row.need::<String>(1)? == here,
                    oid: row.need(2)?,
                    name: row.need(4)?,
                };
                granted.push((record, kind));
            }
            Ok(())
        },
    )?;
    let mut rights = Rights::default();
    for (record, kind) in granted {
        if let Some(granted) = record.role()?
            && roles::has_privileges_of(role, granted)?
        {
            rights.0 |= Rights::of(kind).0;
        }
    }
    Ok(rights)
}

/// Record of a granted role.
///
/// Identifies the role by oid if this installation made the record, and by name if a dump or
/// replication brought it. A role found by name counts only if it also has USAGE on the schema: see
/// `sql/access/named_roles.sql`.
struct GrantRecord {
    is_own: bool,
    oid: pg_sys::Oid,
    name: String,
}

impl GrantRecord {
    fn role(self) -> Result<Option<pg_sys::Oid>> {
        if self.is_own {
            return Ok(roles::exists(self.oid)?.then_some(self.oid));
        }
        let Ok(name) = CString::new(self.name) else { return Ok(None) };
        match roles::find(&name)? {
            Some(role) if may_use_schema(role)? => Ok(Some(role)),
            _ => Ok(None),
        }
    }
}

/// Tells if USAGE on carrel's schema is granted to a role itself, not to a role that it inherits
/// from.
fn may_use_schema(role: pg_sys::Oid) -> Result<bool> {
    spi::as_owner_of_catalogs(owner::oid()?, Access::Read, |db| {
        db.value(include_str!("../../sql/access/may_use_schema.sql"), &[role.into()])
    })
}

/// Returns the id of this installation, which its records carry: see `sql/installation.sql`.
pub fn installation() -> Result<String> {
    thread_local! {
        static CACHED: RefCell<Option<String>> = const { RefCell::new(None) };
    }
    if let Some(known) = CACHED.with_borrow(Clone::clone) {
        return Ok(known);
    }
    let here: String = spi::as_owner_of_catalogs(owner::oid()?, Access::Read, |db| {
        db.value("select carrel.installation_id()::text", &[])
    })?;
    CACHED.set(Some(here.clone()));
    Ok(here)
}

/// Invalidates the cached rights of every session when the transaction commits.
pub fn forget_in_all_sessions() -> Result<()> {
    CHANGES.with(Changes::mark);
    cache::invalidate(GRANTED_ROLES.oid()?)
}

/// Tells if the caller is a service or a superuser. Meaningless while running as the owner.
pub fn is_service() -> Result<bool> {
    Ok(rights()?.has(RoleKind::Service))
}

/// Tells if the session's role is a service, also while carrel runs as the owner. Trust in claims and
/// hints of errors depend on it.
pub fn is_session_of_service() -> Result<bool> {
    Ok(rights_of(roles::of_session())?.has(RoleKind::Service))
}

/// Fails with 42501 unless the caller is a service.
pub fn require_service(function: &str) -> Result<()> {
    if is_service()? { Ok(()) } else { Err(refused(function, "services", "grant_service")) }
}

/// Fails with 42501 unless the caller may record its own usage: a service, or a user role with
/// self_metering.
pub fn require_metering(function: &str) -> Result<()> {
    let rights = rights()?;
    if rights.has(RoleKind::Service) || rights.has(RoleKind::SelfMetering) {
        return Ok(());
    }
    Err(refused(function, "services, and for end users who may meter themselves", "grant_service"))
}

/// Fails with 42501 unless the caller is an operator or a service.
pub fn require_operator_or_service(function: &str) -> Result<()> {
    let rights = rights()?;
    if rights.has(RoleKind::Service) || rights.has(RoleKind::Operator) {
        return Ok(());
    }
    Err(refused(function, "operators and services", "grant_operator"))
}

/// Fails with 42501 unless the caller is an operator.
pub fn require_operator(function: &str) -> Result<()> {
    if rights()?.has(RoleKind::Operator) {
        Ok(())
    } else {
        Err(refused(function, "operators", "grant_operator"))
    }
}

fn refused(function: &str, whom: &str, grant: &str) -> Error {
    let role = current_role();
    Error::new(
        SqlState::InsufficientPrivilege,
        format!("carrel.{function}() is for {whom}, and role \"{role}\" is not granted as one"),
    )
    .hint(format!("An administrator grants it: select carrel.{grant}('{role}')"))
}

/// Returns the name of the current role.
pub fn current_role() -> String {
    roles::name(roles::current()).unwrap_or_default()
}
