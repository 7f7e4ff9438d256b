//! Inserts rows without a statement.

use super::eligibility::{self, HandledByCaller, is_plain_to_insert};
use super::executor::WriteTarget;
use super::{positions_of, table_close, table_open};
use crate::pg::error::{Result, catch, check_for_interrupts};
use crate::pg::ffi::CommandCounterIncrement;
use crate::pg::ffi::heap_form_tuple;
use crate::pg::relation_ids;
use crate::pg::spi::{self, Arg};
use pgrx::pg_sys;
use std::ffi::{CStr, c_int};

/// Table that rows are inserted into directly.
#[derive(Clone, Copy)]
pub struct DirectInsert {
    pub table: &'static CStr,
    /// Triggers and constraints that the caller enforces.
    pub handled: HandledByCaller,
    /// Unique index of idempotency keys. A row whose key exists is not inserted.
    pub key: &'static CStr,
}

/// Insertion in progress, with the positions of the columns that it sets.
pub struct Inserts<const N: usize> {
    target: WriteTarget,
    positions: [usize; N],
    key: pg_sys::Oid,
}

impl DirectInsert {
    /// Runs `work`, which inserts rows. Returns None if the rows need a statement (see [`eligibility`]).
    pub fn insert<const N: usize, T>(
        self,
        columns: [&CStr; N],
        has_keys: bool,
        work: impl FnOnce(&Inserts<N>) -> Result<T>,
    ) -> Result<Option<T>> {
        // SAFETY: the oid is a table's. Relation and indexes are closed below; after an error, the
        // (sub)transaction's abort closes them.
        unsafe {
            spi::need_writable(c"INSERT")?;
            let (table, lock) =
                (relation_ids::table(self.table)?, pg_sys::RowExclusiveLock as c_int);
            let relation = catch(|| table_open(table, lock))?;
            let key = relation_ids::index(self.key)?;
            let desc = (*relation).rd_att;
            let mut is_set = vec![false; (*desc).natts as usize];
            let positions = positions_of(desc, columns)?;
            positions.iter().for_each(|position| is_set[*position] = true);
            let is_plain = is_plain_to_insert(relation, self.handled, &is_set)?
                && (!has_keys || key != pg_sys::InvalidOid);
            let result = if is_plain {
                let inserts =
                    Inserts { target: WriteTarget::open(relation, has_keys)?, positions, key };
                let result = work(&inserts)?;
                inserts.target.close()?;
                catch(|| CommandCounterIncrement())?;
                Some(result)
            } else {
                None
            };
            // The lock is kept until the end of the transaction, as after a statement.
            catch(|| table_close(relation, pg_sys::NoLock as c_int))?;
            Ok(result)
        }
    }
}

impl<const N: usize> Inserts<N> {
    /// Inserts a row with these values. Returns false if the row has a key that another row already has.
    pub fn add(&self, values: [Arg; N], has_key: bool) -> Result<bool> {
        check_for_interrupts();
        let target = &self.target;
        // SAFETY: the relation is open; the arrays have a value and a flag for each column.
        unsafe {
            let desc = (*target.relation).rd_att;
            let mut all = vec![pg_sys::Datum::null(); (*desc).natts as usize];
            let mut is_null = vec![true; all.len()];
            for (position, value) in self.positions.into_iter().zip(values) {
                if let Some(datum) = value.datum() {
                    all[position] = datum;
                    is_null[position] = false;
                }
            }
            let (values, nulls) = (all.as_mut_ptr(), is_null.as_mut_ptr());
            let tuple = catch(|| heap_form_tuple(desc, values, nulls))?;
            target.store(tuple, true)?;
            match has_key {
                true => target.insert_unless_there(self.key),
                false => target.insert().map(|()| true),
            }
        }
    }

    /// Queues an AFTER trigger for the last inserted row, if the table has the trigger.
    pub fn fire(&self, trigger: &CStr) -> Result<()> {
        // SAFETY: the relation is open, and the slot has a row of it.
        unsafe {
            match eligibility::trigger(self.target.relation, trigger) {
                Some(trigger) => self.target.fire(trigger),
                None => Ok(()),
            }
        }
    }
}
