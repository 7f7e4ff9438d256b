//! Roles whose claims count whatever `carrel.identity_source` is: superusers and services, who may act as anybody.
//!
//! The outer user decides: the session's role, or that of SET ROLE. A function with SECURITY DEFINER, and carrel's own
//! work as the owner, leaves it as it is, so a claim that an end user forged counts nowhere in their statement.

use crate::error::{Result, catch};
use crate::spi::{self, Access};
use pgrx::pg_sys;
use std::cell::{Cell, RefCell};
use std::ffi::c_int;

thread_local! {
    /// Roles that were asked about, until something changes about roles, functions or schemas.
    static KNOWN: RefCell<Vec<(pg_sys::Oid, bool)>> = const { RefCell::new(Vec::new()) };
    static IS_STALE: Cell<bool> = const { Cell::new(false) };
    static IS_REGISTERED: Cell<bool> = const { Cell::new(false) };
}

/// Says if the outer user is a superuser or a service.
pub fn is_trusted_source() -> Result<bool> {
    if !IS_REGISTERED.replace(true) {
        use pg_sys::SysCacheIdentifier::{AUTHMEMMEMROLE, AUTHOID, NAMESPACEOID, PROCOID};
        for cache in [AUTHOID, AUTHMEMMEMROLE, PROCOID, NAMESPACEOID] {
            // SAFETY: a cache's number, and a function that sets a flag.
            unsafe {
                pg_sys::CacheRegisterSyscacheCallback(cache as c_int, Some(forget), 0.into());
            }
        }
    }
    if IS_STALE.replace(false) {
        KNOWN.with_borrow_mut(Vec::clear);
    }
    // SAFETY: reads the state of the session.
    let role = unsafe { pg_sys::GetOuterUserId() };
    let known =
        KNOWN.with_borrow(|known| known.iter().find(|(oid, _)| *oid == role).map(|(_, is)| *is));
    if let Some(is_trusted) = known {
        return Ok(is_trusted);
    }
    let is_trusted = is_superuser(role)? || is_service(role)?;
    KNOWN.with_borrow_mut(|known| known.push((role, is_trusted)));
    Ok(is_trusted)
}

fn is_superuser(role: pg_sys::Oid) -> Result<bool> {
    // SAFETY: a role's oid.
    catch(|| unsafe { superuser_arg(role) })
}

fn is_service(role: pg_sys::Oid) -> Result<bool> {
    let sql =
        "select has_function_privilege($1, 'carrel.create_user(uuid, text, text)', 'execute')";
    spi::as_owner(Access::Read, |db| db.value(sql, &[role.into()]))
}

unsafe extern "C-unwind" fn forget(_: pg_sys::Datum, _: c_int, _: u32) {
    IS_STALE.set(true);
}

unsafe extern "C-unwind" {
    fn superuser_arg(role: pg_sys::Oid) -> bool;
}
