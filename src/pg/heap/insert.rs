//! Inserting rows without a statement.

use super::eligibility::{self, HandledByCaller, is_plain_to_insert};
use super::executor::Target;
use super::{places_of, relation_ids, table_close, table_open};
use crate::pg::error::{Result, catch, check_for_interrupts};
use crate::pg::ffi::CommandCounterIncrement;
use crate::pg::ffi::heap_form_tuple;
use crate::pg::spi::{self, Arg};
use pgrx::pg_sys;
use std::ffi::{CStr, c_int};

/// Where rows go.
#[derive(Clone, Copy)]
pub struct Sink {
    pub table: &'static CStr,
    /// What the table has besides what is written here.
    pub upheld: HandledByCaller,
    /// The unique index of the keys for which a row is given up that has the key of another one.
    pub key: &'static CStr,
}

/// Rows that are being inserted, of which these columns are set.
pub struct Inserts<const N: usize> {
    target: Target,
    places: [usize; N],
    key: pg_sys::Oid,
}

impl Sink {
    /// Does `work`, which inserts rows; None where statements have to, for somebody added to the table
    /// what they would mind.
    pub fn insert<const N: usize, T>(
        self,
        columns: [&CStr; N],
        has_keys: bool,
        work: impl FnOnce(&Inserts<N>) -> Result<T>,
    ) -> Result<Option<T>> {
        // SAFETY: a table's oid; what is opened is closed, or, after an error, given back with the
        // (sub)transaction.
        unsafe {
            spi::need_writable(c"INSERT")?;
            let (table, lock) =
                (relation_ids::table(self.table)?, pg_sys::RowExclusiveLock as c_int);
            let relation = catch(|| table_open(table, lock))?;
            let key = relation_ids::index(self.key)?;
            let desc = (*relation).rd_att;
            let mut is_set = vec![false; (*desc).natts as usize];
            let places = places_of(desc, columns)?;
            places.iter().for_each(|place| is_set[*place] = true);
            let is_plain = is_plain_to_insert(relation, self.upheld, &is_set)?
                && (!has_keys || key != pg_sys::InvalidOid);
            let result = if is_plain {
                let inserts = Inserts { target: Target::open(relation, has_keys)?, places, key };
                let result = work(&inserts)?;
                inserts.target.close()?;
                catch(|| CommandCounterIncrement())?;
                Some(result)
            } else {
                None
            };
            // The lock is kept, as by a statement.
            catch(|| table_close(relation, pg_sys::NoLock as c_int))?;
            Ok(result)
        }
    }
}

impl<const N: usize> Inserts<N> {
    /// Inserts a row of these values. Whether it did: a row that has a key is given up where another one
    /// has it.
    pub fn add(&self, values: [Arg; N], has_key: bool) -> Result<bool> {
        check_for_interrupts();
        let target = &self.target;
        // SAFETY: an open relation; a value and a flag for each of its columns.
        unsafe {
            let desc = (*target.relation).rd_att;
            let mut all = vec![pg_sys::Datum::null(); (*desc).natts as usize];
            let mut is_null = vec![true; all.len()];
            for (place, value) in self.places.into_iter().zip(values) {
                if let Some(datum) = value.datum() {
                    all[place] = datum;
                    is_null[place] = false;
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

    /// Has a trigger of the table fire for the row that was inserted last, when its time comes.
    pub fn fire(&self, trigger: &CStr) -> Result<()> {
        // SAFETY: an open relation, and a row of it.
        unsafe {
            match eligibility::trigger(self.target.relation, trigger) {
                Some(trigger) => self.target.fire(trigger),
                None => Ok(()),
            }
        }
    }
}
