//! Rows that statements read by a name, as those of triggers read transition tables: kept by Postgres, in memory
//! and beyond work_mem in temporary files, without a table.

use super::connection::{Db, check};
use crate::pg::error::{Result, catch};
use crate::pg::ffi::{
    CreateTemplateTupleDesc, SPI_register_relation, SPI_unregister_relation, TupleDescInitEntry,
    palloc0, tuplestore_begin_heap, tuplestore_end, tuplestore_putvalues,
};
use pgrx::pg_sys;
use std::ffi::{CStr, c_int};

/// Rows that belong to a connection of SPI's: to be given back by [`NamedRows::end`] before it ends.
pub struct NamedRows {
    store: *mut pg_sys::Tuplestorestate,
    desc: pg_sys::TupleDesc,
    name: &'static CStr,
    count: i64,
}

impl Db {
    /// No rows yet, of these columns and types.
    pub fn named_rows(
        &self,
        name: &'static CStr,
        columns: &[(&CStr, pg_sys::Oid)],
    ) -> Result<NamedRows> {
        let count = columns.len() as c_int;
        // SAFETY: connected, so that what is made lasts as long as the connection; a column for each place. Scans
        // start again where a plan has them do so: random access.
        unsafe {
            let desc = catch(|| CreateTemplateTupleDesc(count))?;
            for (place, (column, kind)) in (1..).zip(columns) {
                catch(|| TupleDescInitEntry(desc, place, column.as_ptr(), *kind, -1, 0))?;
            }
            let store = catch(|| tuplestore_begin_heap(true, false, pg_sys::work_mem))?;
            Ok(NamedRows { store, desc, name, count: 0 })
        }
    }
}

impl NamedRows {
    /// Adds a row: a value for each column, None where it is null.
    pub fn add(&mut self, row: &[Option<pg_sys::Datum>]) -> Result<()> {
        let mut values: Vec<_> =
            row.iter().map(|value| value.unwrap_or(pg_sys::Datum::null())).collect();
        let mut nulls: Vec<_> = row.iter().map(Option::is_none).collect();
        let (store, desc) = (self.store, self.desc);
        let (values, nulls) = (values.as_mut_ptr(), nulls.as_mut_ptr());
        // SAFETY: a value and a flag for each column; they are copied.
        catch(|| unsafe { tuplestore_putvalues(store, desc, values, nulls) })?;
        self.count += 1;
        Ok(())
    }

    /// How many rows there are.
    pub fn count(&self) -> i64 {
        self.count
    }

    /// Has the connection's statements find the rows by their name.
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
        // SAFETY: connected; the connection keeps the entry, which is in memory that lasts as long.
        unsafe {
            let kept = catch(|| palloc0(size))?.cast::<pg_sys::EphemeralNamedRelationData>();
            kept.write(relation);
            check(catch(|| SPI_register_relation(kept))?)
        }
    }

    /// Gives the rows back: no statement may ask for them any more.
    pub fn end(self) -> Result<()> {
        let (name, store) = (self.name.as_ptr(), self.store);
        // SAFETY: what was begun. Where they were not published, there is nothing to take back.
        catch(|| unsafe {
            SPI_unregister_relation(name);
            tuplestore_end(store);
        })
    }
}
