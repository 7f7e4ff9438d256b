//! Invalidation of what a backend remembers from the catalogs and from tables.
//!
//! Postgres tells each backend which catalog rows and relations other transactions have changed, once they commit. A
//! [`Changes`] collects that for one remembered value: its reader asks [`Changes::take`] before each use, and
//! reads again where that says so. A change that arrives while the value is read is seen at the next use.

use super::error::{Result, catch};
use super::ffi::{AcceptInvalidationMessages, CacheInvalidateRelcacheByRelid};
use pgrx::pg_sys;
use std::cell::{Cell, RefCell};
use std::ffi::c_int;
use std::thread::LocalKey;

/// The changes that make a remembered value stale. Lives as long as the backend, in a thread-local.
pub struct Changes {
    /// Catalogs, by the caches of their rows; any row counts.
    catalogs: &'static [u32],
    /// Relations; none: no relation counts.
    relations: RefCell<Vec<pg_sys::Oid>>,
    has_changed: Cell<bool>,
    is_registered: Cell<bool>,
}

impl Changes {
    /// Changes of any row of these catalogs, given as `SysCacheIdentifier`s, and of the relations that
    /// [`watch`](Self::watch) names.
    pub const fn of(catalogs: &'static [u32]) -> Self {
        Self {
            catalogs,
            relations: RefCell::new(Vec::new()),
            has_changed: Cell::new(false),
            is_registered: Cell::new(false),
        }
    }

    /// Returns true where something has changed since the last call.
    pub fn take(changes: &'static LocalKey<Self>) -> bool {
        changes.with(|changes| {
            changes.register();
            changes.has_changed.replace(false)
        })
    }

    /// Returns true where [`take`](Self::take) would.
    pub fn is_pending(&self) -> bool {
        self.has_changed.get()
    }

    /// Counts changes of these relations from now on, instead of those named before.
    pub fn watch(&self, relations: Vec<pg_sys::Oid>) {
        self.relations.replace(relations);
    }

    /// Counts as changed, in this backend.
    pub fn mark(&self) {
        self.has_changed.set(true);
    }

    fn register(&self) {
        if self.is_registered.replace(true) {
            return;
        }
        let this = pg_sys::Datum::from(std::ptr::from_ref(self));
        // SAFETY: a thread-local lives as long as the backend's only thread; the functions set a flag.
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
    // SAFETY: the address that `register` gave.
    unsafe { &*this.cast_mut_ptr::<Changes>() }.mark();
}

unsafe extern "C-unwind" fn relation_changed(this: pg_sys::Datum, relation: pg_sys::Oid) {
    // SAFETY: the address that `register` gave.
    let this = unsafe { &*this.cast_mut_ptr::<Changes>() };
    let watched = this.relations.borrow();
    // No oid: any relation may have changed.
    if !watched.is_empty() && (relation == pg_sys::InvalidOid || watched.contains(&relation)) {
        this.mark();
    }
}

/// Takes note of what other transactions have committed until now, as locking a relation would.
pub fn accept_changes() -> Result<()> {
    // SAFETY: takes no arguments; calls the functions of every [`Changes`].
    catch(|| unsafe { AcceptInvalidationMessages() })
}

/// Tells every backend, from the commit on, that a relation has changed.
pub fn invalidate(relation: pg_sys::Oid) -> Result<()> {
    // SAFETY: an oid.
    catch(|| unsafe { CacheInvalidateRelcacheByRelid(relation) })
}
