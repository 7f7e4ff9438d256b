//! Updates rows without a statement.

use super::eligibility::{HandledByCaller, is_plain_to_change};
use super::executor::WriteTarget;
use super::{Condition, Rows, TableRow, Values, ctid_cache, positions_of};
use crate::pg::error::{Result, catch};
use crate::pg::ffi::{CommandCounterIncrement, GetCurrentCommandId};
use crate::pg::ffi::{
    ReleaseBuffer, heap_freetuple, heap_lock_tuple, heap_modify_tuple_by_cols, heap_update,
};
use crate::pg::spi::{self, Arg};
use pgrx::pg_sys;
use std::ffi::{CStr, c_int};

/// Version of a row to update, and its key in the tid cache.
pub struct RowVersion {
    tuple: pg_sys::HeapTuple,
    key: Option<ctid_cache::Key>,
}

impl RowVersion {
    /// Returns true if no transaction had locked, updated or deleted the row when it was read.
    pub fn was_free(&self) -> bool {
        // SAFETY: a valid tuple has a header.
        let flags = unsafe { u32::from((*(*self.tuple).t_data).t_infomask) };
        flags & pg_sys::HEAP_XMAX_INVALID != 0
    }
}

/// Outcome of an update.
#[derive(Clone, Copy, PartialEq)]
pub enum UpdateOutcome {
    Updated,
    /// No row matches the conditions.
    Absent,
    /// Another transaction holds, updated or deleted the row.
    Conflict,
    /// The update needs a statement: the table has triggers or the like that a statement must handle (see
    /// [`super::eligibility`]), or the running statement has already updated the row.
    NeedsSql,
}

impl Rows {
    /// Reads rows like [`Rows::read`] and returns the first row for which `each` returns true.
    pub fn find<const N: usize>(
        &self,
        conditions: &[Condition],
        columns: [&CStr; N],
        mut each: impl FnMut(&TableRow) -> Result<bool>,
    ) -> Result<Option<RowVersion>> {
        let mut found = None;
        self.each(conditions, columns, |tuple, row| {
            if each(row)? {
                // SAFETY: the scan returned a valid tuple.
                found = Some(RowVersion { tuple: unsafe { ctid_cache::copy(tuple) }?, key: None });
            }
            Ok(found.is_none())
        })?;
        Ok(found)
    }

    /// Finds the latest version of the only row that matches the conditions. `with` gets the values of these
    /// columns.
    pub fn find_one<const N: usize>(
        &self,
        conditions: &[Condition],
        columns: [&CStr; N],
        with: impl FnOnce(&TableRow) -> Result<()>,
    ) -> Result<Option<RowVersion>> {
        let Some(tuple) = self.one(conditions)? else { return Ok(None) };
        // SAFETY: the relation is open, and the tuple belongs to it.
        unsafe {
            with(&self.values(tuple)?.row(&positions_of((*self.relation).rd_att, columns)?))?
        };
        Ok(Some(RowVersion { tuple, key: Some(self.key(conditions)) }))
    }

    /// Reads all rows like [`Rows::read`] and returns the last row for which `each` returns true.
    pub fn find_last<const N: usize>(
        &self,
        conditions: &[Condition],
        columns: [&CStr; N],
        mut each: impl FnMut(&TableRow) -> Result<bool>,
    ) -> Result<Option<RowVersion>> {
        let mut found = None;
        self.each(conditions, columns, |tuple, row| {
            if each(row)? {
                // SAFETY: the scan returned a valid tuple.
                found = Some(RowVersion { tuple: unsafe { ctid_cache::copy(tuple) }?, key: None });
            }
            Ok(true)
        })?;
        Ok(found)
    }

    /// Sets columns of a row if the version is still the latest. Never waits.
    pub fn set<const M: usize>(
        &self,
        version: RowVersion,
        columns: [&CStr; M],
        values: [Arg; M],
    ) -> Result<UpdateOutcome> {
        // SAFETY: the relation is open, and the tuple is a copy of one of its rows.
        unsafe {
            let columns = positions_of((*self.relation).rd_att, columns)?;
            if !is_plain_to_change(self.relation, HandledByCaller::NOTHING, &columns)? {
                return Ok(UpdateOutcome::NeedsSql);
            }
            let tid = update(self.relation, version.tuple, columns, values, false)?;
            if let (Some(tid), Some(key)) = (tid, version.key) {
                ctid_cache::remember(key, tid);
            }
            Ok(if tid.is_some() { UpdateOutcome::Updated } else { UpdateOutcome::Conflict })
        }
    }

    /// Locks the only row that matches the conditions FOR KEY SHARE, as a foreign key does: the row keeps its
    /// keys until the transaction ends. `with` gets the values of these columns. Returns false if there is no
    /// row.
    pub fn hold<const N: usize>(
        &self,
        conditions: &[Condition],
        columns: [&CStr; N],
        with: impl FnOnce(&TableRow) -> Result<()>,
    ) -> Result<bool> {
        // SAFETY: the relation is open.
        unsafe {
            let mode = pg_sys::LockTupleMode::LockTupleKeyShare;
            let Some((tuple, _)) = self.lock(conditions, mode)? else { return Ok(false) };
            with(&self.values(tuple)?.row(&positions_of((*self.relation).rd_att, columns)?))?;
            Ok(true)
        }
    }

    /// Locks the only row that matches the conditions, waiting for other transactions, and sets columns of
    /// it. `values` computes the new values from those of `columns`.
    pub fn change_one<const N: usize, const M: usize>(
        &self,
        conditions: &[Condition],
        columns: [&CStr; N],
        set: [&CStr; M],
        handled: HandledByCaller,
        values: impl FnOnce(&TableRow) -> Result<[Arg; M]>,
    ) -> Result<UpdateOutcome> {
        let relation = self.relation;
        // SAFETY: the relation is open, and the row is locked.
        unsafe {
            let set = positions_of((*relation).rd_att, set)?;
            if !is_plain_to_change(relation, handled, &set)? {
                return Ok(UpdateOutcome::NeedsSql);
            }
            let mode = pg_sys::LockTupleMode::LockTupleNoKeyExclusive;
            let Some((tuple, is_held)) = self.lock(conditions, mode)? else {
                return Ok(UpdateOutcome::Absent);
            };
            if !is_held {
                return Ok(UpdateOutcome::NeedsSql);
            }
            let columns = positions_of((*relation).rd_att, columns)?;
            let values = values(&self.values(tuple)?.row(&columns))?;
            let Some(tid) = update(relation, tuple, set, values, true)? else {
                return Ok(UpdateOutcome::NeedsSql);
            };
            ctid_cache::remember(self.key(conditions), tid);
            Ok(UpdateOutcome::Updated)
        }
    }

    /// Deforms a tuple.
    ///
    /// # Safety
    /// The relation is open, and the tuple belongs to it.
    unsafe fn values(&self, tuple: pg_sys::HeapTuple) -> Result<Values> {
        // SAFETY: guaranteed by the caller.
        unsafe {
            let desc = (*self.relation).rd_att;
            let mut values = Values::of(desc);
            let out = &raw mut values;
            catch(|| (*out).take(tuple, desc))?;
            Ok(values)
        }
    }

    /// Locks the only row that matches the conditions. Waits up to 10 seconds for other transactions, then
    /// fails with 55P03. Returns a copy of the row, and false if the running statement has updated the row.
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
            // SAFETY: the relation is open. The tuple is a copy. Its tid stays valid while a snapshot can see
            // the row or the row is locked.
            unsafe {
                let mut locked =
                    pg_sys::HeapTupleData { t_self: (*tuple).t_self, ..Default::default() };
                let mut failure = pg_sys::TM_FailureData::default();
                let (locked, failure) = (&raw mut locked, &raw mut failure);
                let lock = |wait| {
                    catch(|| {
                        let mut buffer = 0;
                        let command = GetCurrentCommandId(false);
                        let result = heap_lock_tuple(
                            relation,
                            locked,
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
                    // Another transaction updated or deleted the row: look for its latest version.
                    pg_sys::TM_Result::TM_Updated | pg_sys::TM_Result::TM_Deleted => {}
                    _ => return Ok(Some((tuple, false))),
                }
            }
        }
    }
}

/// Writes a new version of a row with other values. Returns its tid, or None if the version is not the
/// latest.
///
/// Without `wait`, returns None if another transaction holds the row or this transaction has locked it.
/// (Servers with assertions do not allow heap_update() without waiting for own locks.)
///
/// # Safety
/// The relation is open, and the tuple is a copy of one of its rows.
unsafe fn update<const M: usize>(
    relation: pg_sys::Relation,
    tuple: pg_sys::HeapTuple,
    set: [usize; M],
    values: [Arg; M],
    wait: bool,
) -> Result<Option<pg_sys::ItemPointerData>> {
    // SAFETY: guaranteed by the caller; the arrays have an entry for each column.
    let (mut tid, tuple, changed) = unsafe {
        let desc = (*relation).rd_att;
        let numbers = set.map(|position| position as c_int + 1);
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
    let (tid, failure, lock) = (&raw mut tid, &raw mut failure, &raw mut lock);
    #[cfg(not(feature = "pg15"))]
    let indexes = &raw mut indexes;
    // SAFETY: guaranteed by the caller; the output arguments outlive the call.
    unsafe {
        let result = catch(|| {
            heap_update(
                relation,
                tid,
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
        let tid = (*tuple).t_self;
        #[cfg(feature = "pg15")]
        let is_of_indexes = !is_heap_only(tuple);
        #[cfg(not(feature = "pg15"))]
        let is_of_indexes = *indexes != pg_sys::TU_UpdateIndexes::TU_None;
        if is_of_indexes {
            let target = WriteTarget::open(relation, false)?;
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
        Ok(Some(tid))
    }
}

/// Returns true if the version has no index entries of its own (HOT).
#[cfg(feature = "pg15")]
unsafe fn is_heap_only(tuple: pg_sys::HeapTuple) -> bool {
    // SAFETY: a valid tuple has a header.
    unsafe { u32::from((*(*tuple).t_data).t_infomask2) & pg_sys::HEAP_ONLY_TUPLE != 0 }
}
