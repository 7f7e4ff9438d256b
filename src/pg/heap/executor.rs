//! What of the executor writing rows without a statement needs: a table with its indexes open, and a row.

use crate::pg::error::{Result, catch};
use crate::pg::ffi::{
    AfterTriggerBeginQuery, AfterTriggerEndQuery, CreateExecutorState, ExecARInsertTriggers,
    ExecCheckIndexConstraints, ExecCloseIndices, ExecCloseResultRelations,
    ExecDropSingleTupleTableSlot, ExecInsertIndexTuples, ExecOpenIndices, ExecResetTupleTable,
    ExecStoreHeapTuple, FormIndexDatum, FreeExecutorState, GetCurrentCommandId,
    GetCurrentTransactionId, MakeSingleTupleTableSlot, MemoryContextReset,
    SpeculativeInsertionLockAcquire, SpeculativeInsertionLockRelease, TTSOpsHeapTuple,
    index_insert, lappend_oid,
};
use pgrx::PgBox;
use pgrx::pg_sys;
use std::ffi::c_int;
use std::ptr::null_mut;

/// A table with its indexes, and a place for a row. After an error, what it holds goes with the
/// (sub)transaction.
pub struct Target {
    pub relation: pg_sys::Relation,
    pub info: *mut pg_sys::ResultRelInfo,
    pub state: *mut pg_sys::EState,
    pub slot: *mut pg_sys::TupleTableSlot,
}

impl Target {
    /// Opens the indexes; also for rows that are given up where another one is in their place.
    ///
    /// # Safety
    /// The relation is open for writing, and stays so until this is closed.
    pub unsafe fn open(relation: pg_sys::Relation, gives_up: bool) -> Result<Self> {
        // Of no range table: where a row is changed, indexes are told that their columns stay as they
        // are, which is a hint. Without triggers: they are told apart from it.
        // SAFETY: a node of its kind, all zero.
        let info =
            unsafe { PgBox::<pg_sys::ResultRelInfo>::alloc_node(pg_sys::NodeTag::T_ResultRelInfo) };
        let info = info.into_pg();
        // SAFETY: as the caller says.
        let (state, slot) = catch(|| unsafe {
            (*info).ri_RelationDesc = relation;
            ExecOpenIndices(info, gives_up);
            let slot = MakeSingleTupleTableSlot((*relation).rd_att, &raw const TTSOpsHeapTuple);
            (CreateExecutorState(), slot)
        })?;
        Ok(Self { relation, info, state, slot })
    }

    /// Makes a tuple the row; it is freed with the row, or stays the caller's.
    ///
    /// # Safety
    /// A tuple of the relation, which outlives the row.
    pub unsafe fn store(&self, tuple: pg_sys::HeapTuple, is_freed: bool) -> Result<()> {
        let (slot, relation, state) = (self.slot, self.relation, self.state);
        // SAFETY: as the caller says.
        catch(|| unsafe {
            let of_row_before = (*state).es_per_tuple_exprcontext;
            if !of_row_before.is_null() {
                MemoryContextReset((*of_row_before).ecxt_per_tuple_memory);
            }
            ExecStoreHeapTuple(tuple, slot, is_freed);
            (*slot).tts_tableOid = (*relation).rd_id;
        })
    }

    /// Makes the entries in the indexes of a row that is a new version of another one, of which columns of these
    /// numbers differ.
    ///
    /// Where those are in no index, no other row's keys are looked for: the version before has the same, and while
    /// an old snapshot is in use, all versions before would be read.
    ///
    /// # Safety
    /// The row was written.
    pub unsafe fn add_new_version_to_indexes(
        &self,
        changed: &[c_int],
        #[cfg(not(feature = "pg15"))] only_summarizing: bool,
    ) -> Result<()> {
        let (info, slot, state) = (self.info, self.slot, self.state);
        // SAFETY: as the caller says; as many indexes as there are, with what is known of each.
        catch(|| unsafe {
            let count = (*info).ri_NumIndices as usize;
            let indexes = (0..count).map(|i| {
                (*(*info).ri_IndexRelationDescs.add(i), *(*info).ri_IndexRelationInfo.add(i))
            });
            #[cfg(not(feature = "pg15"))]
            let are_all_asked = !only_summarizing;
            #[cfg(feature = "pg15")]
            let are_all_asked = true;
            if are_all_asked && indexes.clone().all(|(_, index)| is_plain_without(&*index, changed))
            {
                for (relation, index) in indexes {
                    let mut values = [pg_sys::Datum::null(); pg_sys::INDEX_MAX_KEYS as usize];
                    let mut nulls = [false; pg_sys::INDEX_MAX_KEYS as usize];
                    let (values, nulls) = (values.as_mut_ptr(), nulls.as_mut_ptr());
                    FormIndexDatum(index, slot, state, values, nulls);
                    let (place, table) = (&raw mut (*slot).tts_tid, (*info).ri_RelationDesc);
                    let unchecked = pg_sys::IndexUniqueCheck::UNIQUE_CHECK_NO;
                    index_insert(relation, values, nulls, place, table, unchecked, true, index);
                }
                return;
            }
            ExecInsertIndexTuples(
                info,
                slot,
                state,
                true,
                false,
                null_mut(),
                null_mut(),
                #[cfg(not(feature = "pg15"))]
                only_summarizing,
            );
        })
    }

    /// Inserts the row.
    ///
    /// # Safety
    /// A row that is not written yet.
    pub unsafe fn insert(&self) -> Result<()> {
        let (relation, info, slot, state) = (self.relation, self.info, self.slot, self.state);
        // SAFETY: an open relation knows how its rows are kept.
        catch(|| unsafe {
            if let Some(insert) = (*(*relation).rd_tableam).tuple_insert {
                insert(relation, slot, GetCurrentCommandId(true), 0, null_mut());
            }
            ExecInsertIndexTuples(
                info,
                slot,
                state,
                false,
                false,
                null_mut(),
                null_mut(),
                #[cfg(not(feature = "pg15"))]
                false,
            );
        })
    }

    /// Inserts the row, unless there is one with the same key in a unique index; who is about to insert
    /// or delete that is waited for. What INSERT … ON CONFLICT DO NOTHING does.
    ///
    /// # Safety
    /// A row that is not written yet; the index is one of the relation's, which was opened for rows that
    /// are given up.
    pub unsafe fn insert_unless_there(&self, index: pg_sys::Oid) -> Result<bool> {
        let (relation, info, slot, state) = (self.relation, self.info, self.slot, self.state);
        // SAFETY: an open relation knows how its rows are kept.
        catch(|| unsafe {
            let arbiters = lappend_oid(null_mut(), index);
            let mut place = pg_sys::ItemPointerData::default();
            #[cfg(feature = "pg18")]
            let mut none = pg_sys::ItemPointerData::default();
            #[cfg(feature = "pg18")]
            pg_sys::ItemPointerSetInvalid(&raw mut none);
            loop {
                let is_free = ExecCheckIndexConstraints(
                    info,
                    slot,
                    state,
                    &raw mut place,
                    #[cfg(feature = "pg18")]
                    (&raw mut none),
                    arbiters,
                );
                if !is_free {
                    return false;
                }
                let transaction = GetCurrentTransactionId();
                let token = SpeculativeInsertionLockAcquire(transaction);
                let methods = (*relation).rd_tableam;
                if let Some(insert) = (*methods).tuple_insert_speculative {
                    insert(relation, slot, GetCurrentCommandId(true), 0, null_mut(), token);
                }
                let mut is_there = false;
                ExecInsertIndexTuples(
                    info,
                    slot,
                    state,
                    false,
                    true,
                    &raw mut is_there,
                    arbiters,
                    #[cfg(not(feature = "pg15"))]
                    false,
                );
                if let Some(complete) = (*methods).tuple_complete_speculative {
                    complete(relation, slot, token, !is_there);
                }
                SpeculativeInsertionLockRelease(transaction);
                if !is_there {
                    return true;
                }
            }
        })
    }

    /// Has a trigger fire for the row that was inserted, when its time comes.
    ///
    /// # Safety
    /// The row was inserted, and the trigger is one of the relation's.
    pub unsafe fn fire(&self, mut trigger: pg_sys::Trigger) -> Result<()> {
        // The caller knows that it is to fire.
        trigger.tgqual = null_mut();
        let mut triggers = pg_sys::TriggerDesc {
            triggers: &raw mut trigger,
            numtriggers: 1,
            trig_insert_after_row: true,
            ..Default::default()
        };
        let (info, slot, state) = (self.info, self.slot, self.state);
        let triggers = &raw mut triggers;
        // SAFETY: as the caller says; what is queued names the trigger by its oid.
        catch(|| unsafe {
            (*info).ri_TrigDesc = triggers;
            AfterTriggerBeginQuery();
            ExecARInsertTriggers(state, info, slot, null_mut(), null_mut());
            (*info).ri_TrigDesc = null_mut();
            AfterTriggerEndQuery(state);
        })
    }

    /// Gives all of it back.
    ///
    /// # Safety
    /// Nothing of it is in use any more.
    pub unsafe fn close(self) -> Result<()> {
        let (info, slot, state) = (self.info, self.slot, self.state);
        // SAFETY: as the caller says.
        catch(|| unsafe {
            ExecCloseIndices(info);
            ExecDropSingleTupleTableSlot(slot);
            ExecCloseResultRelations(state);
            // Of triggers that fired.
            ExecResetTupleTable((*state).es_tupleTable, false);
            FreeExecutorState(state);
        })
    }
}

/// Whether an index has entries for all rows, of values of columns alone, and none of these.
fn is_plain_without(index: &pg_sys::IndexInfo, columns: &[c_int]) -> bool {
    let own = index.ii_IndexAttrNumbers.iter().take(index.ii_NumIndexAttrs as usize);
    index.ii_ReadyForInserts
        && index.ii_Expressions.is_null()
        && index.ii_Predicate.is_null()
        && index.ii_ExclusionOps.is_null()
        && own.map(|number| c_int::from(*number)).all(|number| !columns.contains(&number))
}
