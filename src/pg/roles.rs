//! Roles: the current role, look-ups by name and oid, and attributes.

use super::error::{Result, catch};
use super::ffi::{
    GetUserNameFromId, SearchSysCacheExists, get_role_oid, has_privs_of_role, is_member_of_role,
    superuser_arg,
};
use pgrx::pg_sys;
use std::ffi::{CStr, c_char, c_int};

/// Role whose privileges the current statement has.
pub fn current() -> pg_sys::Oid {
    // SAFETY: reads the session's state.
    unsafe { pg_sys::GetUserId() }
}

/// Role of the session outside functions that run as another role: from SET ROLE, or the session's user.
pub fn of_session() -> pg_sys::Oid {
    // SAFETY: reads the session's state.
    unsafe { pg_sys::GetOuterUserId() }
}

/// Role that the session logged in as, or that a superuser set by SET SESSION AUTHORIZATION.
pub fn of_login() -> pg_sys::Oid {
    // SAFETY: reads the session's state.
    unsafe { pg_sys::GetSessionUserId() }
}

/// Returns true in a security-restricted operation, such as an index function during ANALYZE.
pub fn is_restricted() -> bool {
    context() & pg_sys::SECURITY_RESTRICTED_OPERATION != 0
}

/// Returns true if the current query is a check or an action of a foreign key, which run as the owner of a
/// table.
pub fn is_of_foreign_key() -> bool {
    context() & pg_sys::SECURITY_NOFORCE_RLS != 0
}

/// Starts a security-restricted operation. Postgres ends it when it restores the role and its security
/// context.
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

/// Returns true if the current role is a superuser.
pub fn is_superuser() -> bool {
    // SAFETY: reads the session's state and the catalog.
    unsafe { pg_sys::superuser() }
}

/// Returns true if a role is a superuser.
pub fn has_superuser(role: pg_sys::Oid) -> Result<bool> {
    // SAFETY: looks up an oid in the catalog cache.
    catch(|| unsafe { superuser_arg(role) })
}

/// Returns true if the current role bypasses row-level security.
pub fn bypasses_policies() -> bool {
    // SAFETY: reads the session's state and the catalog.
    unsafe { pg_sys::has_bypassrls_privilege(pg_sys::GetUserId()) }
}

/// Returns true if `member` has the privileges of `role`: as itself, by inherited membership, or as a
/// superuser.
pub fn has_privileges_of(member: pg_sys::Oid, role: pg_sys::Oid) -> Result<bool> {
    // SAFETY: oids of two roles.
    catch(|| unsafe { has_privs_of_role(member, role) })
}

/// Returns true if `member` can become `role` by SET ROLE: it is the role, its member at any distance, or a
/// superuser.
pub fn can_become(member: pg_sys::Oid, role: pg_sys::Oid) -> Result<bool> {
    // SAFETY: oids of two roles.
    catch(|| unsafe { is_member_of_role(member, role) })
}

/// Finds a role by name.
pub fn find(name: &CStr) -> Result<Option<pg_sys::Oid>> {
    let name = name.as_ptr();
    // SAFETY: looks up a C string in the catalog cache.
    let role = catch(|| unsafe { get_role_oid(name, true) })?;
    Ok((role != pg_sys::InvalidOid).then_some(role))
}

/// Returns true if a role has this oid.
pub fn exists(role: pg_sys::Oid) -> Result<bool> {
    let cache = pg_sys::SysCacheIdentifier::AUTHOID as c_int;
    // SAFETY: looks up an oid in the catalog cache.
    catch(|| unsafe { SearchSysCacheExists(cache, role.into(), 0.into(), 0.into(), 0.into()) })
}

/// Name of a role; empty if it does not exist.
pub fn name(role: pg_sys::Oid) -> Result<String> {
    // SAFETY: looks up an oid in the catalog cache.
    let name = catch(|| unsafe { GetUserNameFromId(role, true) })?;
    Ok(owned(name))
}

/// Copies a name from Postgres. Empty if it is null.
fn owned(name: *const c_char) -> String {
    if name.is_null() {
        return String::new();
    }
    // SAFETY: a C string from Postgres.
    unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()
}
