//! Rights of the role that calls: end user, service, operator, as grant_user() and its kin recorded them.
//!
//! Privileges alone do not make a role a service: operators follow guides that grant everything to everybody. Functions and
//! triggers therefore ask here. Superusers and the owner of the tables have every right; other roles have those of the
//! roles that they inherit from.

use super::privileges::Kind;
use crate::owner;
use crate::pg::error::{Error, Result, SqlState, catch};
use crate::pg::ffi::{
    CacheInvalidateRelcacheByRelid, GetUserNameFromId, SearchSysCacheExists, get_role_oid,
    has_privs_of_role, superuser_arg,
};
use crate::pg::heap::Table;
use crate::pg::spi::{self, Access};
use pgrx::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::{CString, c_int};

const GRANTED_ROLES: Table = Table { name: c"granted_roles", index: c"granted_roles_pkey" };

/// A set of kinds of roles.
#[derive(Clone, Copy, Default, PartialEq)]
pub struct Rights(u8);

impl Rights {
    const ALL: Self = Self(u8::MAX);
    /// Rights of the tables' owner: writes every row, administers nothing.
    const OWNER: Self = Self(
        1 << 7 | 1 << Kind::User as u8 | 1 << Kind::SelfMetering as u8 | 1 << Kind::Service as u8,
    );

    pub fn has(self, kind: Kind) -> bool {
        self.0 & Self::of(kind).0 != 0
    }

    fn of(kind: Kind) -> Self {
        Self(1 << kind as u8)
    }

    /// The rights of superusers and of the owner of the tables.
    pub fn are_unrestricted(self) -> bool {
        self.0 & 1 << 7 != 0
    }

    /// Tells whether the role may act for a user at all.
    pub fn may_be_a_user(self) -> bool {
        [Kind::User, Kind::SelfMetering, Kind::Service].into_iter().any(|kind| self.has(kind))
    }
}

thread_local! {
    static KNOWN: RefCell<HashMap<pg_sys::Oid, Rights>> = RefCell::default();
    /// The role that was asked for last, and its rights: policies ask for each row.
    static LAST: Cell<Option<(pg_sys::Oid, Rights)>> = const { Cell::new(None) };
    static IS_STALE: Cell<bool> = const { Cell::new(false) };
    static IS_REGISTERED: Cell<bool> = const { Cell::new(false) };
    /// The table that rights were read from.
    static TABLE: Cell<pg_sys::Oid> = const { Cell::new(pg_sys::InvalidOid) };
}

/// Rights of the current role.
pub fn rights() -> Result<Rights> {
    // SAFETY: reads the session's state.
    rights_of(unsafe { pg_sys::GetUserId() })
}

/// Rights of a role.
pub fn rights_of(role: pg_sys::Oid) -> Result<Rights> {
    if let Some((last, rights)) = LAST.get()
        && last == role
        && !IS_STALE.get()
    {
        return Ok(rights);
    }
    register();
    if IS_STALE.replace(false) {
        KNOWN.with_borrow_mut(HashMap::clear);
    }
    let known = KNOWN.with_borrow(|known| known.get(&role).copied());
    let rights = match known {
        Some(rights) => rights,
        None => look_up(role)?,
    };
    KNOWN.with_borrow_mut(|known| known.insert(role, rights));
    LAST.set(Some((role, rights)));
    Ok(rights)
}

fn look_up(role: pg_sys::Oid) -> Result<Rights> {
    // SAFETY: an oid, looked up in the catalog's cache.
    if catch(|| unsafe { superuser_arg(role) })? {
        return Ok(Rights::ALL);
    }
    if Some(role) == owner::find()? {
        return Ok(Rights::OWNER);
    }
    let (mut granted, here) = (Vec::new(), here()?);
    TABLE.set(GRANTED_ROLES.oid()?);
    GRANTED_ROLES.read(
        &[],
        [c"recorded_in", c"role_oid", c"kind", c"role_name", c"granted"],
        |row| {
            if row.need(5)?
                && let Some(kind) = Kind::named(&row.need::<String>(3)?)
            {
                let record = Record {
                    is_of_here: row.need::<String>(1)? == here,
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
        if let Some(granted) = record.role()? {
            // SAFETY: two roles' oids.
            if catch(|| unsafe { has_privs_of_role(role, granted) })? {
                rights.0 |= Rights::of(kind).0;
            }
        }
    }
    Ok(rights)
}

/// Record of a granted role: names it by its oid where it was granted by this installation, and by its name where a dump or
/// replication brought it from another.
struct Record {
    is_of_here: bool,
    oid: pg_sys::Oid,
    name: String,
}

impl Record {
    fn role(self) -> Result<Option<pg_sys::Oid>> {
        let Ok(name) = CString::new(self.name) else { return Ok(None) };
        let (name, oid) = (name.as_ptr(), self.oid);
        let cache = pg_sys::SysCacheIdentifier::AUTHOID as c_int;
        let is_of_here = self.is_of_here;
        // SAFETY: a role's oid and name, looked up in the catalog's cache.
        let role = catch(|| unsafe {
            if !is_of_here {
                get_role_oid(name, true)
            } else if SearchSysCacheExists(cache, oid.into(), 0.into(), 0.into(), 0.into()) {
                oid
            } else {
                pg_sys::InvalidOid
            }
        })?;
        Ok((role != pg_sys::InvalidOid).then_some(role))
    }
}

/// The installation that records of granted roles are made in; see `sql/installation.sql`.
pub fn here() -> Result<String> {
    thread_local! {
        static KNOWN: RefCell<Option<String>> = const { RefCell::new(None) };
    }
    if let Some(known) = KNOWN.with_borrow(Clone::clone) {
        return Ok(known);
    }
    let here: String = spi::as_owner_of_catalogs(owner::oid()?, Access::Read, |db| {
        db.value("select carrel.installation_id()::text", &[])
    })?;
    KNOWN.set(Some(here.clone()));
    Ok(here)
}

/// Forgets rights whenever a role, a membership or the table of granted roles changes.
fn register() {
    if IS_REGISTERED.replace(true) {
        return;
    }
    use pg_sys::SysCacheIdentifier::{AUTHMEMMEMROLE, AUTHOID};
    // SAFETY: functions that set a flag.
    unsafe {
        for cache in [AUTHMEMMEMROLE, AUTHOID] {
            pg_sys::CacheRegisterSyscacheCallback(cache as c_int, Some(forget), 0.into());
        }
        pg_sys::CacheRegisterRelcacheCallback(Some(forget_table), 0.into());
    }
}

unsafe extern "C-unwind" fn forget(_: pg_sys::Datum, _: c_int, _: u32) {
    IS_STALE.set(true);
}

unsafe extern "C-unwind" fn forget_table(_: pg_sys::Datum, table: pg_sys::Oid) {
    if table == TABLE.get() || table == pg_sys::InvalidOid {
        IS_STALE.set(true);
    }
}

/// Has every session forget the rights that it knows, from the commit on.
pub fn forget_in_all_sessions() -> Result<()> {
    let table = GRANTED_ROLES.oid()?;
    IS_STALE.set(true);
    // SAFETY: a table's oid.
    catch(|| unsafe { CacheInvalidateRelcacheByRelid(table) })
}

/// Tells whether the caller is a service (or a superuser) rather than an end user. Not to be asked as the owner.
pub fn is_service() -> Result<bool> {
    Ok(rights()?.has(Kind::Service))
}

/// Tells whether the role that the session acts as is a service: it reads an error's hint, also while carrel works as the
/// owner.
pub fn is_session_of_service() -> Result<bool> {
    // SAFETY: reads the session's state.
    Ok(rights_of(unsafe { pg_sys::GetOuterUserId() })?.has(Kind::Service))
}

/// Error 42501 unless the caller is a granted service.
pub fn require_service(function: &str) -> Result<()> {
    if is_service()? { Ok(()) } else { Err(refused(function, "services", "grant_service")) }
}

/// Error 42501 unless the caller may record usage of its own: a service, or an end user's role with self_metering.
pub fn require_metering(function: &str) -> Result<()> {
    let rights = rights()?;
    if rights.has(Kind::Service) || rights.has(Kind::SelfMetering) {
        return Ok(());
    }
    Err(refused(function, "services, and for end users who may meter themselves", "grant_service"))
}

/// Error 42501 unless the caller is an operator or a service.
pub fn require_operator_or_service(function: &str) -> Result<()> {
    let rights = rights()?;
    if rights.has(Kind::Service) || rights.has(Kind::Operator) {
        return Ok(());
    }
    Err(refused(function, "operators and services", "grant_operator"))
}

/// Error 42501 unless the caller is an operator.
pub fn require_operator(function: &str) -> Result<()> {
    if rights()?.has(Kind::Operator) {
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

/// The name of the current role.
pub fn current_role() -> String {
    // SAFETY: the session's state; the name is a C string or null.
    let name = catch(|| unsafe { GetUserNameFromId(pg_sys::GetUserId(), true) });
    match name {
        Ok(name) if !name.is_null() => {
            // SAFETY: as above.
            unsafe { std::ffi::CStr::from_ptr(name) }.to_string_lossy().into_owned()
        }
        _ => String::new(),
    }
}
