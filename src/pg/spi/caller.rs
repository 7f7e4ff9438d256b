//! The role and search_path that carrel was called with, kept while carrel's own SQL runs.

use pgrx::pg_sys;
use std::cell::Cell;
use std::ffi::{c_char, c_int};

/// The role that called carrel, and what it called it with.
#[derive(Clone, Copy)]
pub struct Caller {
    pub user: pg_sys::Oid,
    pub context: c_int,
    /// Postgres keeps the value of a setting as long as it is to be put back.
    pub search_path: *const c_char,
}

thread_local! {
    static CURRENT: Cell<Option<Caller>> = const { Cell::new(None) };
    /// The role that the innermost work with other rights than the caller's runs as; invalid: there is none.
    static WORKS_AS: Cell<pg_sys::Oid> = const { Cell::new(pg_sys::InvalidOid) };
}

/// The caller of the work that is under way, if there is any.
pub fn current() -> Option<Caller> {
    CURRENT.get()
}

/// Sets the caller; returns the one before.
pub fn replace(caller: Option<Caller>) -> Option<Caller> {
    CURRENT.replace(caller)
}

/// Begins work that this role called for; returns the caller before. Work within work has the same caller.
pub fn enter(user: pg_sys::Oid, context: c_int) -> Option<Caller> {
    let outer = CURRENT.get();
    let is_within = outer.is_some_and(|outer| user == outer.user) || user == WORKS_AS.get();
    if outer.is_none() || !is_within {
        // SAFETY: a setting of the backend's.
        let search_path = unsafe { pg_sys::namespace_search_path };
        CURRENT.set(Some(Caller { user, context, search_path }));
    }
    outer
}

/// Sets the role that work with other rights than the caller's runs as; returns the one before.
pub fn work_as(role: pg_sys::Oid) -> pg_sys::Oid {
    WORKS_AS.replace(role)
}
