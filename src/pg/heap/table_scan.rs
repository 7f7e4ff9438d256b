//! Full scan of a table that is not carrel's.
//!
//! It bypasses the planner as COPY does: the planner would run the owner's functions in constraints, index
//! expressions and statistics.

use super::{
    GetLatestSnapshot, RegisterSnapshot, UnregisterSnapshot, Values, position_of,
    systable_beginscan, systable_endscan, systable_getnext, table_close, table_open,
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

/// Access of other sessions to the table until the transaction ends.
#[derive(Clone, Copy)]
pub enum Lock {
    /// Everything except changes of its definition.
    Definition = pg_sys::AccessShareLock as isize,
    /// Reads only.
    Rows = pg_sys::ShareLock as isize,
}

/// Value of a row, valid until the next row is read.
#[derive(Clone, Copy)]
pub struct Value {
    datum: pg_sys::Datum,
    kind: pg_sys::Oid,
    context: pg_sys::MemoryContext,
}

impl Value {
    /// Type of the value.
    pub fn kind(self) -> pg_sys::Oid {
        self.kind
    }

    /// Converts the value to another type through its text form. The result is valid as long as the row.
    pub fn convert(self, kind: pg_sys::Oid) -> Result<pg_sys::Datum> {
        // SAFETY: the value has type `kind`; the input function gets a C string. `catch` restores the
        // context.
        catch(|| unsafe {
            pg_sys::CurrentMemoryContext = self.context;
            let (mut function, mut parameter) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
            let mut is_varlena = false;
            getTypeOutputInfo(self.kind, &mut function, &mut is_varlena);
            let text = OidOutputFunctionCall(function, self.datum);
            getTypeInputInfo(kind, &mut function, &mut parameter);
            OidInputFunctionCall(function, text, parameter, -1)
        })
    }
}

/// Calls `each` for each row of a table, its partitions and its inheritance children, with the values of
/// these columns. A value is None if it is null or its column is missing. `each` must not run SQL.
pub fn read(
    table: pg_sys::Oid,
    lock: Lock,
    columns: &[&CStr],
    mut each: impl FnMut(&[Option<Value>]) -> Result<()>,
) -> Result<()> {
    // SAFETY: a list of oids of tables, which are locked here.
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

/// Scans one table of the inheritance tree.
///
/// # Safety
/// The table is locked.
unsafe fn read_part(
    table: pg_sys::Oid,
    columns: &[&CStr],
    each: &mut impl FnMut(&[Option<Value>]) -> Result<()>,
) -> Result<()> {
    let mut context = PgMemoryContexts::new("carrel rows of a table");
    let none = pg_sys::NoLock as c_int;
    // SAFETY: guaranteed by the caller. Relation and scan are closed below; after an error, the
    // (sub)transaction's abort closes them. A row is used before the next one is read.
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
        let positions: Vec<_> =
            columns.iter().map(|column| position_of(desc, column, 0).ok()).collect();
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
            let row: Vec<_> = positions
                .iter()
                .map(|position| {
                    let position = (*position).filter(|position| !values.nulls[*position])?;
                    let kind = (*super::attribute(desc, position)).atttypid;
                    Some(Value { datum: values.values[position], kind, context: context.value() })
                })
                .collect();
            each(&row)?;
            context.reset();
        }
        catch(|| {
            systable_endscan(scan);
            UnregisterSnapshot(snapshot);
            table_close(relation, none);
        })
    }
}
