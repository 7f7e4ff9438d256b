//! All rows of a table that is not carrel's, read as COPY reads them: past the planner, which would run code of the
//! table's owner, such as functions in its constraints, its indexes' expressions and its statistics.

use super::{
    GetLatestSnapshot, RegisterSnapshot, UnregisterSnapshot, Values, place_of, systable_beginscan,
    systable_endscan, systable_getnext, table_close, table_open,
};
use crate::pg::error::{Error, Result, SqlState, catch, check_for_interrupts};
use crate::pg::ffi::{
    OidInputFunctionCall, OidOutputFunctionCall, find_all_inheritors, getTypeInputInfo,
    getTypeOutputInfo,
};
use pgrx::memcxt::PgMemoryContexts;
use pgrx::pg_sys;
use std::ffi::{CStr, c_int};
use std::ptr::null_mut;

/// What others may do with the table until the transaction ends.
#[derive(Clone, Copy)]
pub enum Lock {
    /// All but change its definition.
    Definition = pg_sys::AccessShareLock as isize,
    /// Read it.
    Rows = pg_sys::ShareLock as isize,
}

/// A value of a row, which is gone when the next one comes.
#[derive(Clone, Copy)]
pub struct Value {
    datum: pg_sys::Datum,
    kind: pg_sys::Oid,
    room: pg_sys::MemoryContext,
}

impl Value {
    /// The type of the value.
    pub fn kind(self) -> pg_sys::Oid {
        self.kind
    }

    /// The same as a value of another type: what that reads where this is written. It is gone with the row.
    pub fn convert(self, kind: pg_sys::Oid) -> Result<pg_sys::Datum> {
        // SAFETY: a value of its type; a C string for the other's input function. `catch` puts the context back.
        catch(|| unsafe {
            pg_sys::CurrentMemoryContext = self.room;
            let (mut function, mut parameter) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
            let mut is_varlena = false;
            getTypeOutputInfo(self.kind, &mut function, &mut is_varlena);
            let text = OidOutputFunctionCall(function, self.datum);
            getTypeInputInfo(kind, &mut function, &mut parameter);
            OidInputFunctionCall(function, text, parameter, -1)
        })
    }
}

/// Calls `each` for every row of a table, its partitions and the tables that inherit from it, with the values of
/// these columns: None where one is null or not there. It may not run SQL.
pub fn read(
    table: pg_sys::Oid,
    lock: Lock,
    columns: &[&CStr],
    mut each: impl FnMut(&[Option<Value>]) -> Result<()>,
) -> Result<()> {
    // SAFETY: a list of oids, whose tables are locked from here on.
    unsafe {
        let parts = catch(|| {
            let relation = table_open(table, lock as c_int);
            table_close(relation, pg_sys::NoLock as c_int);
            find_all_inheritors(table, lock as c_int, null_mut())
        })?;
        for part in 0..(*parts).length {
            let part = (*(*parts).elements.add(part as usize)).oid_value;
            read_part(part, columns, &mut each)?;
        }
    }
    Ok(())
}

/// # Safety
/// A table that is locked.
unsafe fn read_part(
    table: pg_sys::Oid,
    columns: &[&CStr],
    each: &mut impl FnMut(&[Option<Value>]) -> Result<()>,
) -> Result<()> {
    let mut room = PgMemoryContexts::new("carrel rows of a table");
    let none = pg_sys::NoLock as c_int;
    // SAFETY: as the caller says; what is opened is closed, or given back with the (sub)transaction. A row is used
    // before the next one is asked for.
    unsafe {
        let relation = catch(|| table_open(table, none))?;
        match (*(*relation).rd_rel).relkind as u8 {
            pg_sys::RELKIND_PARTITIONED_TABLE => {
                return catch(|| table_close(relation, none));
            }
            pg_sys::RELKIND_RELATION => {}
            _ => {
                let name = CStr::from_ptr((*(*relation).rd_rel).relname.data.as_ptr());
                return Err(Error::new(
                    SqlState::ObjectNotInPrerequisiteState,
                    format!("\"{}\" is no table", name.to_string_lossy()),
                ));
            }
        }
        let desc = (*relation).rd_att;
        let places: Vec<_> = columns.iter().map(|column| place_of(desc, column, 0).ok()).collect();
        let mut values = Values::of(desc);
        let (scan, snapshot) = catch(|| {
            let snapshot = RegisterSnapshot(GetLatestSnapshot());
            let scan =
                systable_beginscan(relation, pg_sys::InvalidOid, false, snapshot, 0, null_mut());
            (scan, snapshot)
        })?;
        loop {
            check_for_interrupts();
            let tuple = catch(|| systable_getnext(scan))?;
            if tuple.is_null() {
                break;
            }
            let filled = &raw mut values;
            catch(|| (*filled).take(tuple, desc))?;
            let row: Vec<_> = places
                .iter()
                .map(|place| {
                    let place = (*place).filter(|place| !values.nulls[*place])?;
                    let kind = (*super::attribute(desc, place)).atttypid;
                    Some(Value { datum: values.values[place], kind, room: room.value() })
                })
                .collect();
            each(&row)?;
            room.reset();
        }
        catch(|| {
            systable_endscan(scan);
            UnregisterSnapshot(snapshot);
            table_close(relation, none);
        })
    }
}
