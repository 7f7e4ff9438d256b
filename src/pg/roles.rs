//! Roles: the current one, look-ups by name and oid, and their attributes.

use super::error::{Result, catch};
use super::ffi::{
    GetUserNameFromId, SearchSysCacheExists, get_role_oid, has_privs_of_role, superuser_arg,
};
use pgrx::pg_sys;
use std::ffi::{CStr, c_char, c_int};

/// The role whose privileges the current statement runs with.
pub fn current() -> pg_sys::Oid {
    // SAFETY: reads the session's state.
    unsafe { pg_sys::GetUserId() }
}

/// The role that the session acts as: SET ROLE or the session's user, outside of functions that run as another role.
pub fn of_session() -> pg_sys::Oid {
    // SAFETY: reads the session's state.
    unsafe { pg_sys::GetOuterUserId() }
}

/// Tells whether the current code runs in a security-restricted operation: an index function while a table is analyzed, for one.
pub fn is_restricted() -> bool {
    context() & pg_sys::SECURITY_RESTRICTED_OPERATION != 0
}

/// Tells whether the current query is one of a foreign key's checks and actions, which run as a table's owner.
pub fn is_of_foreign_key() -> bool {
    context() & pg_sys::SECURITY_NOFORCE_RLS != 0
}

/// Makes what runs now a security-restricted operation, until Postgres puts the role and its security context back.
pub fn restrict() {
    // SAFETY: as Postgres does for index functions.
    unsafe {
        let (mut user, mut context) = (pg_sys::InvalidOid, 0);
        pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
        let restricted = context | pg_sys::SECURITY_RESTRICTED_OPERATION as c_int;
        pg_sys::SetUserIdAndSecContext(user, restricted);
    }
}

fn context() -> u32 {
    let (mut user, mut context) = (pg_sys::InvalidOid, 0);
    // SAFETY: reads the session's state.
    unsafe { pg_sys::GetUserIdAndSecContext(&mut user, &mut context) };
    context as u32
}

/// Tells whether the current role is a superuser.
pub fn is_superuser() -> bool {
    // SAFETY: reads the session's state and the catalog.
    unsafe { pg_sys::superuser() }
}

/// Tells whether a role is a superuser.
pub fn has_superuser(role: pg_sys::Oid) -> Result<bool> {
    // SAFETY: an oid, looked up in the catalog's cache.
    catch(|| unsafe { superuser_arg(role) })
}

/// Tells whether the current role is past row-level security everywhere.
pub fn bypasses_policies() -> bool {
    // SAFETY: reads the session's state and the catalog.
    unsafe { pg_sys::has_bypassrls_privilege(pg_sys::GetUserId()) }
}

/// Tells whether `member` has the privileges of `role`: as itself, by inherited membership, or as a superuser.
pub fn has_privileges_of(member: pg_sys::Oid, role: pg_sys::Oid) -> Result<bool> {
    // SAFETY: two roles' oids.
    catch(|| unsafe { has_privs_of_role(member, role) })
}

/// The role with this name.
pub fn find(name: &CStr) -> Result<Option<pg_sys::Oid>> {
    let name = name.as_ptr();
    // SAFETY: a C string, looked up in the catalog's cache.
    let role = catch(|| unsafe { get_role_oid(name, true) })?;
    Ok((role != pg_sys::InvalidOid).then_some(role))
}

/// Tells whether there is a role with this oid.
pub fn exists(role: pg_sys::Oid) -> Result<bool> {
    let cache = pg_sys::SysCacheIdentifier::AUTHOID as c_int;
    // SAFETY: an oid, looked up in the catalog's cache.
    catch(|| unsafe { SearchSysCacheExists(cache, role.into(), 0.into(), 0.into(), 0.into()) })
}

/// Name of a role; empty where it is gone.
pub fn name(role: pg_sys::Oid) -> Result<String> {
    // SAFETY: an oid, looked up in the catalog's cache.
    let name = catch(|| unsafe { GetUserNameFromId(role, true) })?;
    Ok(owned(name))
}

/// Copy of a name that Postgres gave; empty where it is null.
fn owned(name: *const c_char) -> String {
    if name.is_null() {
        return String::new();
    }
    // SAFETY: a C string of Postgres'.
    unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()
}
