//! Cache of the oids of carrel's tables and indexes, invalidated when names change.

use crate::pg::cache::Changes;
use crate::pg::error::{Result, catch};
use crate::pg::ffi::{
    ReleaseSysCache, SearchSysCache1, get_index_isvalid, get_namespace_oid, get_relname_relid,
};
use crate::pg::spi::{self, missing_column};
use pgrx::pg_sys;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int};

thread_local! {
    /// Oids by the addresses of the names.
    static KNOWN: RefCell<Vec<(*const c_char, pg_sys::Oid)>> = const { RefCell::new(Vec::new()) };
    /// Changes of names and indexes.
    static CHANGES: Changes = const {
        use pg_sys::SysCacheIdentifier::{INDEXRELID, NAMESPACENAME, RELNAMENSP};
        Changes::of(&[INDEXRELID, NAMESPACENAME, RELNAMENSP])
    };
}

/// Oid of a table.
pub fn table(name: &'static CStr) -> Result<pg_sys::Oid> {
    let table = known(name, || look_up(name))?;
    if table == pg_sys::InvalidOid {
        // Fails with its own error if the schema is missing.
        spi::as_caller(spi::Access::Read, |_| Ok(()))?;
        let name = name.to_string_lossy();
        return Err(missing_column(&format!("there is no table carrel.{name}")));
    }
    Ok(table)
}

/// Oid and owner of a table, if it exists.
pub fn owner_of(name: &'static str) -> Result<Option<(pg_sys::Oid, pg_sys::Oid)>> {
    let Ok(name) = CString::new(name) else { return Ok(None) };
    let relation = look_up(&name)?;
    if relation == pg_sys::InvalidOid {
        return Ok(None);
    }
    let cache = pg_sys::SysCacheIdentifier::RELOID as c_int;
    // SAFETY: a row of the catalog cache, released after reading.
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

/// Oid of an index of a locked table; invalid if the index is missing or not valid. The table's lock protects
/// the index.
pub fn index(name: &'static CStr) -> Result<pg_sys::Oid> {
    known(name, || {
        let index = look_up(name)?;
        // SAFETY: looks up an oid in the catalog cache.
        let is_valid =
            index != pg_sys::InvalidOid && catch(|| unsafe { get_index_isvalid(index) })?;
        Ok(if is_valid { index } else { pg_sys::InvalidOid })
    })
}

fn known(
    name: &'static CStr,
    look_up: impl FnOnce() -> Result<pg_sys::Oid>,
) -> Result<pg_sys::Oid> {
    if Changes::take(&CHANGES) {
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

/// Looks up a relation in schema carrel. Invalid if there is none.
fn look_up(name: &CStr) -> Result<pg_sys::Oid> {
    let name = name.as_ptr();
    // SAFETY: looks up C strings in the catalog cache.
    catch(|| unsafe {
        match get_namespace_oid(c"carrel".as_ptr(), true) {
            pg_sys::InvalidOid => pg_sys::InvalidOid,
            schema => get_relname_relid(name, schema),
        }
    })
}
