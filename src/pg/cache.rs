//! Invalidation of values that a backend caches from catalogs and tables.
//!
//! Postgres tells each backend which catalog rows and relations other transactions changed, once they commit.
//! [`Changes`] collects these messages for one cached value. Its reader calls [`Changes::take`] before each
//! use, and reads the value again if that returns true. A change that arrives during the read is seen at the
//! next use.

use super::error::{Result, catch};
use super::ffi::{AcceptInvalidationMessages, CacheInvalidateRelcacheByRelid};
use pgrx::pg_sys;
use std::cell::{Cell, RefCell};
use std::ffi::c_int;
use std::thread::LocalKey;

/// Changes that make a cached value stale. Lives in a thread-local as long as the backend.
pub struct Changes {
    /// Catalogs, by the caches of their rows. Any row counts.
    catalogs: &'static [u32],
    /// Relations. No relation counts while this is empty.
    relations: RefCell<Vec<pg_sys::Oid>>,
    has_changed: Cell<bool>,
    is_registered: Cell<bool>,
}

impl Changes {
    /// Tracks any row of these catalogs, given as `SysCacheIdentifier`s, and the relations that
    /// [`watch`](Self::watch) names.
    pub const fn of(catalogs: &'static [u32]) -> Self {
        Self {
            catalogs,
            relations: RefCell::new(Vec::new()),
            has_changed: Cell::new(false),
            is_registered: Cell::new(false),
        }
    }

    /// Returns true if something has changed since the last call.
    pub fn take(changes: &'static LocalKey<Self>) -> bool {
        changes.with(|changes| {
            changes.register();
            changes.has_changed.replace(false)
        })
    }

    /// Returns true if [`take`](Self::take) would.
    pub fn is_pending(&self) -> bool {
        self.has_changed.get()
    }

    /// Replaces the tracked relations.
    pub fn watch(&self, relations: Vec<pg_sys::Oid>) {
        self.relations.replace(relations);
    }

    /// Records a change, in this backend only.
    pub fn mark(&self) {
        self.has_changed.set(true);
    }

    fn register(&self) {
        if self.is_registered.replace(true) {
            return;
        }
        let this = pg_sys::Datum::from(std::ptr::from_ref(self));
        // SAFETY: the thread-local lives as long as the backend's only thread; the callbacks only set a flag.
        unsafe {
            for catalog in self.catalogs {
                let catalog = *catalog as c_int;
                pg_sys::CacheRegisterSyscacheCallback(catalog, Some(catalog_changed), this);
            }
            pg_sys::CacheRegisterRelcacheCallback(Some(relation_changed), this);
        }
    }
}

unsafe extern "C-unwind" fn catalog_changed(this: pg_sys::Datum, _: c_int, _: u32) {
    // SAFETY: the address that `register` passed.
    unsafe { &*this.cast_mut_ptr::<Changes>() }.mark();
}

unsafe extern "C-unwind" fn relation_changed(this: pg_sys::Datum, relation: pg_sys::Oid) {
    // SAFETY: the address that `register` passed.
    let this = unsafe { &*this.cast_mut_ptr::<Changes>() };
    let watched = this.relations.borrow();
    // An invalid oid stands for any relation.
    if !watched.is_empty() && (relation == pg_sys::InvalidOid || watched.contains(&relation)) {
        this.mark();
    }
}

/// Processes invalidation messages of transactions committed until now, as locking a relation does.
pub fn accept_changes() -> Result<()> {
    // SAFETY: takes no arguments; runs the callbacks of each [`Changes`].
    catch(|| unsafe { AcceptInvalidationMessages() })
}

/// Invalidates a relation in every backend when the transaction commits.
pub fn invalidate(relation: pg_sys::Oid) -> Result<()> {
    // SAFETY: any oid is allowed.
    catch(|| unsafe { CacheInvalidateRelcacheByRelid(relation) })
}
