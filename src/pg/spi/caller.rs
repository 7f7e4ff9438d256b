//! Role and search_path of carrel's caller, kept while carrel's own SQL runs.

use pgrx::pg_sys;
use std::cell::Cell;
use std::ffi::{c_char, c_int};

/// Role that called carrel, with its security context and search_path.
#[derive(Clone, Copy)]
pub struct Caller {
    pub user: pg_sys::Oid,
    pub context: c_int,
    /// Postgres keeps the value of a setting until the setting is restored.
    pub search_path: *const c_char,
}

thread_local! {
    static CURRENT: Cell<Option<Caller>> = const { Cell::new(None) };
    /// Role of the innermost work that runs with other rights than the caller's. Invalid if there is none.
    static WORKS_AS: Cell<pg_sys::Oid> = const { Cell::new(pg_sys::InvalidOid) };
}

/// Caller of the current work, if any.
pub fn current() -> Option<Caller> {
    CURRENT.get()
}

/// Sets the caller. Returns the previous caller.
pub fn replace(caller: Option<Caller>) -> Option<Caller> {
    CURRENT.replace(caller)
}

/// Begins work that a role called for. Returns the previous caller. Nested work keeps the outer caller.
pub fn enter(user: pg_sys::Oid, context: c_int) -> Option<Caller> {
    let outer = CURRENT.get();
    let is_within = outer.is_some_and(|outer| user == outer.user) || user == WORKS_AS.get();
    if outer.is_none() || !is_within {
        // SAFETY: reads a setting of the backend.
        let search_path = unsafe { pg_sys::namespace_search_path };
        CURRENT.set(Some(Caller { user, context, search_path }));
    }
    outer
}

/// Sets the role of work that runs with other rights than the caller's. Returns the previous role.
pub fn work_as(role: pg_sys::Oid) -> pg_sys::Oid {
    WORKS_AS.replace(role)
}
