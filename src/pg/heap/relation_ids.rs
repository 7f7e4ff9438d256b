//! The oids of carrel's tables and indexes, remembered as long as no name stands for another one.

use crate::pg::error::{Result, catch};
use crate::pg::ffi::{
    ReleaseSysCache, SearchSysCache1, get_index_isvalid, get_namespace_oid, get_relname_relid,
};
use crate::pg::spi::{self, missing_column};
use pgrx::pg_sys;
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString, c_char, c_int};

thread_local! {
    /// What was looked up, by the names' addresses.
    static KNOWN: RefCell<Vec<(*const c_char, pg_sys::Oid)>> = const { RefCell::new(Vec::new()) };
    /// Whether a name may stand for another one now.
    static IS_STALE: Cell<bool> = const { Cell::new(false) };
    static IS_REGISTERED: Cell<bool> = const { Cell::new(false) };
}

/// A table of carrel's.
pub fn table(name: &'static CStr) -> Result<pg_sys::Oid> {
    let table = known(name, || look_up(name))?;
    if table == pg_sys::InvalidOid {
        // Fails if it is the schema that is missing.
        spi::as_caller(spi::Access::Read, |_| Ok(()))?;
        let name = name.to_string_lossy();
        return Err(missing_column(&format!("there is no table carrel.{name}")));
    }
    Ok(table)
}

/// A table of carrel's and its owner, if there is such a table.
pub fn owner_of(name: &'static str) -> Result<Option<(pg_sys::Oid, pg_sys::Oid)>> {
    let Ok(name) = CString::new(name) else { return Ok(None) };
    let relation = look_up(&name)?;
    if relation == pg_sys::InvalidOid {
        return Ok(None);
    }
    let cache = pg_sys::SysCacheIdentifier::RELOID as c_int;
    // SAFETY: a row of the catalog's cache, which is released once it has been read.
    catch(|| unsafe {
        let tuple = SearchSysCache1(cache, relation.into());
        if tuple.is_null() {
            return None;
        }
        let data = (*tuple).t_data;
        let row = data.byte_add((*data).t_hoff.into()).cast::<pg_sys::FormData_pg_class>();
        let owner = (*row).relowner;
        ReleaseSysCache(tuple);
        Some((relation, owner))
    })
}

/// An index of a table that is locked, if it can be used; else an invalid oid. As long as the table is locked, it
/// stays.
pub fn index(name: &'static CStr) -> Result<pg_sys::Oid> {
    known(name, || {
        let index = look_up(name)?;
        // SAFETY: an oid, looked up in the catalog's cache.
        let is_valid =
            index != pg_sys::InvalidOid && catch(|| unsafe { get_index_isvalid(index) })?;
        Ok(if is_valid { index } else { pg_sys::InvalidOid })
    })
}

fn known(
    name: &'static CStr,
    look_up: impl FnOnce() -> Result<pg_sys::Oid>,
) -> Result<pg_sys::Oid> {
    if !IS_REGISTERED.replace(true) {
        use pg_sys::SysCacheIdentifier::{INDEXRELID, NAMESPACENAME, RELNAMENSP};
        for cache in [INDEXRELID, NAMESPACENAME, RELNAMENSP] {
            // SAFETY: a cache's number, and a function that sets a flag.
            unsafe {
                pg_sys::CacheRegisterSyscacheCallback(cache as c_int, Some(forget), 0.into());
            }
        }
    }
    if IS_STALE.replace(false) {
        KNOWN.with_borrow_mut(Vec::clear);
    }
    let find = |known: &Vec<(*const c_char, pg_sys::Oid)>| {
        known.iter().find(|(address, _)| *address == name.as_ptr()).map(|(_, oid)| *oid)
    };
    if let Some(oid) = KNOWN.with_borrow(find) {
        return Ok(oid);
    }
    let oid = look_up()?;
    if oid != pg_sys::InvalidOid {
        KNOWN.with_borrow_mut(|known| known.push((name.as_ptr(), oid)));
    }
    Ok(oid)
}

/// What has a name in carrel's schema.
fn look_up(name: &CStr) -> Result<pg_sys::Oid> {
    let name = name.as_ptr();
    // SAFETY: names, looked up in the catalog's cache.
    catch(|| unsafe {
        match get_namespace_oid(c"carrel".as_ptr(), true) {
            pg_sys::InvalidOid => pg_sys::InvalidOid,
            schema => get_relname_relid(name, schema),
        }
    })
}

unsafe extern "C-unwind" fn forget(_: pg_sys::Datum, _: c_int, _: u32) {
    IS_STALE.set(true);
}
