//! Setting columns of a row without a statement.

use super::eligibility::{HandledByCaller, is_plain_to_change};
use super::executor::Target;
use super::{Condition, Row, Rows, Values, ctid_cache, places_of};
use crate::pg::error::{Result, catch};
use crate::pg::ffi::{CommandCounterIncrement, GetCurrentCommandId};
use crate::pg::ffi::{
    ReleaseBuffer, heap_freetuple, heap_lock_tuple, heap_modify_tuple_by_cols, heap_update,
};
use crate::pg::spi::{self, Arg};
use pgrx::pg_sys;
use std::ffi::{CStr, c_int};

/// A row that is to be set, and what its place is remembered by.
pub struct Chosen(pg_sys::HeapTuple, Option<ctid_cache::Key>);

impl Chosen {
    /// Whether nobody held the row, or had changed it, when it was chosen.
    pub fn was_free(&self) -> bool {
        // SAFETY: a tuple has a header.
        let flags = unsafe { u32::from((*(*self.0).t_data).t_infomask) };
        flags & pg_sys::HEAP_XMAX_INVALID != 0
    }
}

/// What came of a change.
#[derive(Clone, Copy, PartialEq)]
pub enum Changed {
    Done,
    /// There is no such row.
    Absent,
    /// Somebody else holds the row, or has changed it meanwhile.
    Held,
    /// A statement has to do it: somebody added to the table what a statement would mind, such as a trigger,
    /// or this statement has changed the row already.
    Undone,
}

impl Rows {
    /// Reads rows as [`Rows::read`] does, until `each` gives true for one, which can be set.
    pub fn find<const N: usize>(
        &self,
        conditions: &[Condition],
        columns: [&CStr; N],
        mut each: impl FnMut(&Row) -> Result<bool>,
    ) -> Result<Option<Chosen>> {
        let mut found = None;
        self.each(conditions, columns, |tuple, row| {
            if each(row)? {
                // SAFETY: a tuple.
                found = Some(Chosen(unsafe { ctid_cache::copy(tuple) }?, None));
            }
            Ok(found.is_none())
        })?;
        Ok(found)
    }

    /// The one row that is as the conditions say, of which there is one at most, as it is now; `with` gets the
    /// values of these columns.
    pub fn find_one<const N: usize>(
        &self,
        conditions: &[Condition],
        columns: [&CStr; N],
        with: impl FnOnce(&Row) -> Result<()>,
    ) -> Result<Option<Chosen>> {
        let Some(tuple) = self.one(conditions)? else { return Ok(None) };
        // SAFETY: an open relation, and a row of it.
        unsafe { with(&self.values(tuple)?.row(&places_of((*self.relation).rd_att, columns)?))? };
        Ok(Some(Chosen(tuple, Some(self.key(conditions)))))
    }

    /// Reads all the rows as [`Rows::read`] does; the last one for which `each` gives true can be set.
    pub fn choose<const N: usize>(
        &self,
        conditions: &[Condition],
        columns: [&CStr; N],
        mut each: impl FnMut(&Row) -> Result<bool>,
    ) -> Result<Option<Chosen>> {
        let mut chosen = None;
        self.each(conditions, columns, |tuple, row| {
            if each(row)? {
                // SAFETY: a tuple.
                chosen = Some(Chosen(unsafe { ctid_cache::copy(tuple) }?, None));
            }
            Ok(true)
        })?;
        Ok(chosen)
    }

    /// Sets columns of a row, if it is still as it was when it was chosen. Nobody is waited for.
    pub fn set<const M: usize>(
        &self,
        chosen: Chosen,
        columns: [&CStr; M],
        values: [Arg; M],
    ) -> Result<Changed> {
        // SAFETY: an open relation, and a copy of a row of it.
        unsafe {
            let columns = places_of((*self.relation).rd_att, columns)?;
            if !is_plain_to_change(self.relation, HandledByCaller::NOTHING, &columns)? {
                return Ok(Changed::Undone);
            }
            let place = update(self.relation, chosen.0, columns, values, false)?;
            if let (Some(place), Some(key)) = (place, chosen.1) {
                ctid_cache::remember(key, place);
            }
            Ok(if place.is_some() { Changed::Done } else { Changed::Held })
        }
    }

    /// Holds the row that is as the conditions say, of which there is one at most, so that it stays and
    /// keeps its keys until the transaction ends; `with` gets the values of these columns. Whether there is
    /// one. That is what a foreign key does.
    pub fn hold<const N: usize>(
        &self,
        conditions: &[Condition],
        columns: [&CStr; N],
        with: impl FnOnce(&Row) -> Result<()>,
    ) -> Result<bool> {
        // SAFETY: an open relation.
        unsafe {
            let mode = pg_sys::LockTupleMode::LockTupleKeyShare;
            let Some((tuple, _)) = self.lock(conditions, mode)? else { return Ok(false) };
            with(&self.values(tuple)?.row(&places_of((*self.relation).rd_att, columns)?))?;
            Ok(true)
        }
    }

    /// Waits until nobody else changes the row that is as the conditions say, of which there is one at
    /// most, and sets columns of it to what `values` makes of those that are asked for.
    pub fn change_one<const N: usize, const M: usize>(
        &self,
        conditions: &[Condition],
        columns: [&CStr; N],
        set: [&CStr; M],
        upheld: HandledByCaller,
        values: impl FnOnce(&Row) -> Result<[Arg; M]>,
    ) -> Result<Changed> {
        let relation = self.relation;
        // SAFETY: an open relation, and a row that is held.
        unsafe {
            let set = places_of((*relation).rd_att, set)?;
            if !is_plain_to_change(relation, upheld, &set)? {
                return Ok(Changed::Undone);
            }
            let mode = pg_sys::LockTupleMode::LockTupleNoKeyExclusive;
            let Some((tuple, is_held)) = self.lock(conditions, mode)? else {
                return Ok(Changed::Absent);
            };
            if !is_held {
                return Ok(Changed::Undone);
            }
            let columns = places_of((*relation).rd_att, columns)?;
            let values = values(&self.values(tuple)?.row(&columns))?;
            let Some(place) = update(relation, tuple, set, values, true)? else {
                return Ok(Changed::Undone);
            };
            ctid_cache::remember(self.key(conditions), place);
            Ok(Changed::Done)
        }
    }

    /// # Safety
    /// A tuple of the relation, which is open.
    unsafe fn values(&self, tuple: pg_sys::HeapTuple) -> Result<Values> {
        // SAFETY: as the caller says.
        unsafe {
            let desc = (*self.relation).rd_att;
            let mut values = Values::of(desc);
            let room = &raw mut values;
            catch(|| (*room).take(tuple, desc))?;
            Ok(values)
        }
    }

    /// Locks the one row, waiting for whoever holds it (10 seconds at most: then 55P03); gives a copy, and false
    /// where this very statement has changed the row.
    ///
    /// # Safety
    /// The relation is open.
    unsafe fn lock(
        &self,
        conditions: &[Condition],
        mode: pg_sys::LockTupleMode::Type,
    ) -> Result<Option<(pg_sys::HeapTuple, bool)>> {
        let relation = self.relation;
        loop {
            let Some(tuple) = self.one(conditions)? else { return Ok(None) };
            // SAFETY: an open relation; the row is a copy, and the place that it was read from is there as
            // long as a snapshot could see it or the row is locked.
            unsafe {
                let mut place =
                    pg_sys::HeapTupleData { t_self: (*tuple).t_self, ..Default::default() };
                let mut failure = pg_sys::TM_FailureData::default();
                let (place, failure) = (&raw mut place, &raw mut failure);
                let lock = |wait| {
                    catch(|| {
                        let mut buffer = 0;
                        let command = GetCurrentCommandId(false);
                        let result = heap_lock_tuple(
                            relation,
                            place,
                            command,
                            mode,
                            wait,
                            true,
                            &raw mut buffer,
                            failure,
                        );
                        if buffer != 0 {
                            ReleaseBuffer(buffer);
                        }
                        result
                    })
                };
                let mut result = lock(pg_sys::LockWaitPolicy::LockWaitSkip)?;
                if result == pg_sys::TM_Result::TM_WouldBlock {
                    let wait = || lock(pg_sys::LockWaitPolicy::LockWaitBlock);
                    result = spi::waiting_at_most(&spi::LOCK_PATIENCE, wait)?;
                }
                match result {
                    pg_sys::TM_Result::TM_Ok => return Ok(Some((tuple, true))),
                    // Somebody else has changed or deleted it: there is another version, or none.
                    pg_sys::TM_Result::TM_Updated | pg_sys::TM_Result::TM_Deleted => {}
                    _ => return Ok(Some((tuple, false))),
                }
            }
        }
    }
}

/// Puts a new version with other values in the place of a row. If it does not wait: unless somebody else
/// holds it or has changed it, or this transaction has locked it. (A server that is built with assertions
/// has one that nobody asks heap_update() not to wait.) Its place then.
///
/// # Safety
/// The relation is open, and the tuple is a copy of a row of it.
unsafe fn update<const M: usize>(
    relation: pg_sys::Relation,
    tuple: pg_sys::HeapTuple,
    set: [usize; M],
    values: [Arg; M],
    wait: bool,
) -> Result<Option<pg_sys::ItemPointerData>> {
    // SAFETY: as the caller says; a number, a value and a flag for each column.
    let (mut place, tuple, changed) = unsafe {
        let desc = (*relation).rd_att;
        let numbers = set.map(|place| place as c_int + 1);
        let nulls = values.map(|value| value.datum().is_none());
        let values = values.map(|value| value.datum().unwrap_or(pg_sys::Datum::null()));
        let (count, columns) = (M as c_int, numbers.as_ptr().cast_mut());
        let (values, nulls) = (values.as_ptr().cast_mut(), nulls.as_ptr().cast_mut());
        let new = catch(|| heap_modify_tuple_by_cols(tuple, desc, count, columns, values, nulls))?;
        ((*tuple).t_self, new, numbers)
    };
    let mut failure = pg_sys::TM_FailureData::default();
    let mut lock = pg_sys::LockTupleMode::LockTupleNoKeyExclusive;
    #[cfg(not(feature = "pg15"))]
    let mut indexes = pg_sys::TU_UpdateIndexes::TU_None;
    let (place, failure, lock) = (&raw mut place, &raw mut failure, &raw mut lock);
    #[cfg(not(feature = "pg15"))]
    let indexes = &raw mut indexes;
    // SAFETY: as the caller says; what it is told by outlives the call.
    unsafe {
        let result = catch(|| {
            heap_update(
                relation,
                place,
                tuple,
                GetCurrentCommandId(true),
                std::ptr::null_mut(),
                wait,
                failure,
                lock,
                #[cfg(not(feature = "pg15"))]
                indexes,
            )
        })?;
        if result != pg_sys::TM_Result::TM_Ok {
            return Ok(None);
        }
        let place = (*tuple).t_self;
        #[cfg(feature = "pg15")]
        let is_of_indexes = !is_heap_only(tuple);
        #[cfg(not(feature = "pg15"))]
        let is_of_indexes = *indexes != pg_sys::TU_UpdateIndexes::TU_None;
        if is_of_indexes {
            let target = Target::open(relation, false)?;
            target.store(tuple, false)?;
            #[cfg(feature = "pg15")]
            target.add_new_version_to_indexes(&changed)?;
            #[cfg(not(feature = "pg15"))]
            target.add_new_version_to_indexes(
                &changed,
                *indexes == pg_sys::TU_UpdateIndexes::TU_Summarizing,
            )?;
            target.close()?;
        }
        catch(|| {
            heap_freetuple(tuple);
            CommandCounterIncrement();
        })?;
        Ok(Some(place))
    }
}

/// Whether a version of a row has no entry in indexes of its own.
#[cfg(feature = "pg15")]
unsafe fn is_heap_only(tuple: pg_sys::HeapTuple) -> bool {
    // SAFETY: a tuple has a header.
    unsafe { u32::from((*(*tuple).t_data).t_infomask2) & pg_sys::HEAP_ONLY_TUPLE != 0 }
}
