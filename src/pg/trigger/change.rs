//! Rows that a row trigger reads, and columns that a BEFORE trigger sets.

use crate::pg::error::{Error, Result, SqlState, catch};
use crate::pg::ffi::{check_enable_rls, datum_image_eq};
use crate::pg::spi::{Arg, Db, missing_column};
use crate::pg::toast;
use pgrx::PgTupleDesc;
use pgrx::datum::FromDatum;
use pgrx::htup::heap_getattr_raw;
use pgrx::prelude::*;
use std::ffi::{CStr, c_int};
use std::hash::Hasher;
use std::num::NonZeroUsize;

/// Row that a trigger was called for.
#[derive(Clone, Copy)]
pub struct TriggerRow {
    pub(super) tuple: pg_sys::HeapTuple,
    pub(super) desc: pg_sys::TupleDesc,
}

impl TriggerRow {
    /// Value of a column; None if it is null or the table has no such column.
    pub fn get<T: FromDatum>(&self, column: &CStr) -> Option<T> {
        let datum = self.datum(column)?;
        // SAFETY: T is the type of the column, as the table's definition says.
        unsafe { T::from_polymorphic_datum(datum, false, pg_sys::InvalidOid) }
    }

    /// Value of a column. Fails with 23502 if it is null.
    pub fn need<T: FromDatum>(&self, column: &CStr) -> Result<T> {
        self.get(column).ok_or_else(|| {
            let name = column.to_string_lossy();
            if self.number(column) <= 0 {
                return missing_column(&format!("there is no column {name}"));
            }
            Error::new(SqlState::NotNullViolation, format!("column {name} must not be null"))
        })
    }

    /// Value of a column in its stored form: a toast pointer if it is out of line.
    pub fn datum(&self, column: &CStr) -> Option<pg_sys::Datum> {
        let number = NonZeroUsize::new(usize::try_from(self.number(column)).ok()?)?;
        // SAFETY: the column belongs to this tuple descriptor.
        unsafe { heap_getattr_raw(self.tuple, number, self.desc) }
    }

    /// Returns true if the row of documents still has the version that was written.
    pub fn is_current(&self, db: &Db) -> Result<bool> {
        // SAFETY: a written tuple has its tid.
        let tid = Arg::tid(unsafe { &raw mut (*self.tuple).t_self });
        let sql = "select from carrel.documents where ctid = $1";
        Ok(db.execute(sql, &[tid])? > 0)
    }

    /// Returns true if the table has a CHECK constraint with this name.
    pub fn has_check(&self, name: &CStr) -> bool {
        // SAFETY: the tuple descriptor of a table has `num_check` named constraints.
        unsafe {
            let constraints = (*self.desc).constr;
            if constraints.is_null() || (*constraints).check.is_null() {
                return false;
            }
            let count = usize::from((*constraints).num_check);
            let checks = std::slice::from_raw_parts((*constraints).check, count);
            checks.iter().any(|check| CStr::from_ptr(check.ccname) == name)
        }
    }

    /// Returns true if the column has no NOT NULL constraint.
    pub(super) fn may_be_null(&self, column: &CStr) -> bool {
        let number = usize::try_from(self.number(column)).unwrap_or_default();
        // SAFETY: the tuple descriptor of the trigger's table.
        let desc = unsafe { PgTupleDesc::from_pg_unchecked(self.desc) };
        number.checked_sub(1).and_then(|at| desc.get(at)).is_some_and(|column| !column.attnotnull)
    }

    fn number(&self, column: &CStr) -> c_int {
        // SAFETY: a C string and a tuple descriptor; the result is negative if there is no such column.
        unsafe { pg_sys::SPI_fnumber(self.desc, column.as_ptr()) }
    }
}

/// Rows of an INSERT or UPDATE trigger, and the columns that a BEFORE trigger sets in the new row.
pub struct Change {
    pub new: TriggerRow,
    pub old: Option<TriggerRow>,
    table: pg_sys::Oid,
    sets: Vec<(c_int, Arg)>,
    /// Copy made by [`Change::compress`].
    compressed: Option<pg_sys::Datum>,
}

impl Change {
    pub(super) fn new(table: pg_sys::Oid, new: TriggerRow, old: Option<TriggerRow>) -> Self {
        Self { new, old, table, sets: Vec::new(), compressed: None }
    }

    /// Returns true if the table's policies apply to the current role. They do not apply to the owner and to
    /// roles with BYPASSRLS.
    pub fn is_under_policies(&self) -> Result<bool> {
        /// RLS_ENABLED of utils/rls.h.
        const ENABLED: c_int = 2;
        let table = self.table;
        // SAFETY: the oid of a table; the invalid role stands for the current role.
        Ok(catch(|| unsafe { check_enable_rls(table, pg_sys::InvalidOid, true) })? == ENABLED)
    }

    /// Sets a column of the new row.
    pub fn set(&mut self, column: &CStr, value: impl Into<Arg>) {
        self.sets.push((self.new.number(column), value.into()));
    }

    /// Compresses a large value of the new row, as Postgres does before it stores the value. Setting a column
    /// copies the whole row, so a compressed value makes the copy cheaper. Columns without compression stay
    /// unchanged.
    pub fn compress(&mut self, column: &CStr) -> Result<()> {
        let (Some(value), number) = (self.new.datum(column), self.new.number(column)) else {
            return Ok(());
        };
        // SAFETY: the tuple descriptor has this column.
        let definition = unsafe {
            let desc = PgTupleDesc::from_pg_unchecked(self.new.desc);
            desc.get(number as usize - 1).map(|a| (a.attstorage, a.attcompression))
        };
        let Some((storage, method)) = definition else { return Ok(()) };
        if let Some(compressed) = toast::compress(value, storage, method)? {
            self.sets.push((number, Arg::text(compressed)));
            self.compressed = Some(compressed);
        }
        Ok(())
    }

    /// New value of a column of variable length, in its stored form. None if the value is null or did not
    /// change.
    pub(super) fn changed(&self, column: &CStr) -> Result<Option<pg_sys::Datum>> {
        match self.new.datum(column) {
            Some(value) if self.changes(column)? => Ok(Some(value)),
            _ => Ok(None),
        }
    }

    /// Feeds the new row's value of a column to a hasher; see [`toast::hash`].
    pub fn hash(&self, column: &CStr, hasher: &mut impl Hasher) -> Result<()> {
        let number = self.new.number(column);
        let set = self.sets.iter().find(|(set, _)| *set == number);
        match set.map_or_else(|| self.new.datum(column), |(_, value)| value.datum()) {
            Some(value) => toast::hash(value, hasher),
            None => Ok(()),
        }
    }

    /// Returns true if a column of variable length changes, byte for byte (see [`toast::is_equal`]). Always
    /// true for INSERT.
    pub fn changes(&self, column: &CStr) -> Result<bool> {
        let Some(old) = self.old else { return Ok(true) };
        match (old.datum(column), self.new.datum(column)) {
            (None, None) => Ok(false),
            (Some(old), Some(new)) => Ok(!toast::is_equal(old, new)?),
            _ => Ok(true),
        }
    }

    /// Returns true if any of these columns changes.
    pub fn changes_any(&self, columns: &[&CStr]) -> Result<bool> {
        for column in columns {
            if self.changes(column)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Name of a column other than these that changes, byte for byte. None for INSERT.
    pub fn change_beyond(&self, columns: &[&CStr]) -> Result<Option<String>> {
        let Some(old) = self.old else { return Ok(None) };
        // SAFETY: the tuple descriptor of both tuples.
        let desc = unsafe { PgTupleDesc::from_pg_unchecked(self.new.desc) };
        for column in desc.iter().filter(|column| !column.attisdropped) {
            // SAFETY: a column's name is a C string.
            let name = unsafe { CStr::from_ptr(column.attname.data.as_ptr()) };
            if columns.contains(&name) {
                continue;
            }
            let (by_value, length) = (column.attbyval, c_int::from(column.attlen));
            let is_same = match (old.datum(name), self.new.datum(name)) {
                (None, None) => true,
                (Some(old), Some(new)) => {
                    // SAFETY: both values have the column's type.
                    catch(|| unsafe { datum_image_eq(old, new, by_value, length) })?
                }
                _ => false,
            };
            if !is_same {
                return Ok(Some(name.to_string_lossy().into_owned()));
            }
        }
        Ok(None)
    }

    /// Returns true if [`Change::set`] named a column that the table does not have.
    pub(super) fn sets_missing_column(&self) -> bool {
        self.sets.iter().any(|(number, _)| *number <= 0)
    }

    pub(super) fn into_tuple(self) -> pg_sys::HeapTuple {
        if self.sets.is_empty() {
            return self.new.tuple;
        }
        let (mut columns, mut values, mut nulls) = (vec![], vec![], vec![]);
        for (number, value) in self.sets {
            columns.push(number);
            values.push(value.datum().unwrap_or(pg_sys::Datum::null()));
            nulls.push(value.datum().is_none());
        }
        // SAFETY: each column appears once, with a value of its type. heap_modify_tuple_by_cols() copies the
        // values. The compressed copy belongs to this trigger call.
        unsafe {
            let tuple = pg_sys::heap_modify_tuple_by_cols(
                self.new.tuple,
                self.new.desc,
                columns.len() as c_int,
                columns.as_mut_ptr(),
                values.as_mut_ptr(),
                nulls.as_mut_ptr(),
            );
            if let Some(compressed) = self.compressed {
                pg_sys::pfree(compressed.cast_mut_ptr());
            }
            tuple
        }
    }
}
