//! Named rows for statements, like the transition tables of triggers.
//!
//! Postgres keeps the rows in memory, and beyond work_mem in temporary files. No table is created.

use super::connection::{Db, check};
use crate::pg::error::{Result, catch};
use crate::pg::ffi::{
    CreateTemplateTupleDesc, SPI_register_relation, SPI_unregister_relation, TupleDescInitEntry,
    palloc0, tuplestore_begin_heap, tuplestore_end, tuplestore_putvalues,
};
use pgrx::pg_sys;
use std::ffi::{CStr, c_int};

/// Rows of one SPI connection. Call [`NamedRows::end`] before the connection ends.
pub struct NamedRows {
    store: *mut pg_sys::Tuplestorestate,
    desc: pg_sys::TupleDesc,
    name: &'static CStr,
    count: i64,
}

impl Db {
    /// Creates an empty set of rows with these columns and types.
    pub fn named_rows(
        &self,
        name: &'static CStr,
        columns: &[(&CStr, pg_sys::Oid)],
    ) -> Result<NamedRows> {
        let count = columns.len() as c_int;
        // SAFETY: SPI is connected, so the allocations last as long as the connection. The descriptor has
        // `count` columns. Random access allows a plan to rescan the rows.
        unsafe {
            let desc = catch(|| CreateTemplateTupleDesc(count))?;
            for (number, (column, kind)) in (1..).zip(columns) {
                catch(|| TupleDescInitEntry(desc, number, column.as_ptr(), *kind, -1, 0))?;
            }
            let store = catch(|| tuplestore_begin_heap(true, false, pg_sys::work_mem))?;
            Ok(NamedRows { store, desc, name, count: 0 })
        }
    }
}

impl NamedRows {
    /// Adds a row with a value for each column; None for null.
    pub fn add(&mut self, row: &[Option<pg_sys::Datum>]) -> Result<()> {
        let mut values: Vec<_> =
            row.iter().map(|value| value.unwrap_or(pg_sys::Datum::null())).collect();
        let mut nulls: Vec<_> = row.iter().map(Option::is_none).collect();
        let (store, desc) = (self.store, self.desc);
        let (values, nulls) = (values.as_mut_ptr(), nulls.as_mut_ptr());
        // SAFETY: a value and a flag for each column; the tuplestore copies them.
        catch(|| unsafe { tuplestore_putvalues(store, desc, values, nulls) })?;
        self.count += 1;
        Ok(())
    }

    /// Number of rows.
    pub fn count(&self) -> i64 {
        self.count
    }

    /// Makes the rows visible to the connection's statements under their name.
    pub fn publish(&self) -> Result<()> {
        let metadata = pg_sys::EphemeralNamedRelationMetadataData {
            name: self.name.as_ptr().cast_mut(),
            reliddesc: pg_sys::InvalidOid,
            tupdesc: self.desc,
            enrtype: pg_sys::EphemeralNameRelationType::ENR_NAMED_TUPLESTORE,
            enrtuples: self.count as f64,
        };
        let relation =
            pg_sys::EphemeralNamedRelationData { md: metadata, reldata: self.store.cast() };
        let size = size_of_val(&relation);
        // SAFETY: SPI is connected; the entry's memory lasts as long as the connection.
        unsafe {
            let kept = catch(|| palloc0(size))?.cast::<pg_sys::EphemeralNamedRelationData>();
            kept.write(relation);
            check(catch(|| SPI_register_relation(kept))?)
        }
    }

    /// Frees the rows. No statement may use them afterwards.
    pub fn end(self) -> Result<()> {
        let (name, store) = (self.name.as_ptr(), self.store);
        // SAFETY: frees what `named_rows` created. Unregistering rows that were not published does nothing.
        catch(|| unsafe {
            SPI_unregister_relation(name);
            tuplestore_end(store);
        })
    }
}
