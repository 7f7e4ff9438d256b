//! Executor state for writing one tuple directly: relation, open indexes, slot.

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

/// Open table with its indexes and a slot for one row. After an error, the (sub)transaction's abort releases
/// all of it.
pub struct WriteTarget {
    pub relation: pg_sys::Relation,
    pub info: *mut pg_sys::ResultRelInfo,
    pub state: *mut pg_sys::EState,
    pub slot: *mut pg_sys::TupleTableSlot,
}

impl WriteTarget {
    /// Opens the indexes. `speculative` prepares them for [`insert_unless_there`](Self::insert_unless_there).
    ///
    /// # Safety
    /// The relation is open for writing until `close`.
    pub unsafe fn open(relation: pg_sys::Relation, speculative: bool) -> Result<Self> {
        // The result relation has no range table entry: updates then cannot hint to indexes that columns are
        // unchanged. It has no triggers: `fire` sets the one to queue.
        // SAFETY: allocates a zeroed node of this type.
        let info =
            unsafe { PgBox::<pg_sys::ResultRelInfo>::alloc_node(pg_sys::NodeTag::T_ResultRelInfo) };
        let info = info.into_pg();
        // SAFETY: guaranteed by the caller.
        let (state, slot) = catch(|| unsafe {
            (*info).ri_RelationDesc = relation;
            ExecOpenIndices(info, speculative);
            let slot = MakeSingleTupleTableSlot((*relation).rd_att, &raw const TTSOpsHeapTuple);
            (CreateExecutorState(), slot)
        })?;
        Ok(Self { relation, info, state, slot })
    }

    /// Stores a tuple in the slot. With `is_freed`, the slot frees the tuple.
    ///
    /// # Safety
    /// The tuple belongs to the relation and outlives its use in the slot.
    pub unsafe fn store(&self, tuple: pg_sys::HeapTuple, is_freed: bool) -> Result<()> {
        let (slot, relation, state) = (self.slot, self.relation, self.state);
        // SAFETY: guaranteed by the caller.
        catch(|| unsafe {
            let of_row_before = (*state).es_per_tuple_exprcontext;
            if !of_row_before.is_null() {
                MemoryContextReset((*of_row_before).ecxt_per_tuple_memory);
            }
            ExecStoreHeapTuple(tuple, slot, is_freed);
            (*slot).tts_tableOid = (*relation).rd_id;
        })
    }

    /// Adds index entries for a new version of a row. `changed` are the numbers of the updated columns.
    ///
    /// If no index contains a changed column, unique checks are skipped: the row keeps its keys. The checks
    /// would read all older versions of the row while an old snapshot is open.
    ///
    /// # Safety
    /// The slot's row has been written.
    pub unsafe fn add_new_version_to_indexes(
        &self,
        changed: &[c_int],
        #[cfg(not(feature = "pg15"))] only_summarizing: bool,
    ) -> Result<()> {
        let (info, slot, state) = (self.info, self.slot, self.state);
        // SAFETY: guaranteed by the caller; the arrays have `ri_NumIndices` elements.
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
                    let (tid, table) = (&raw mut (*slot).tts_tid, (*info).ri_RelationDesc);
                    let unchecked = pg_sys::IndexUniqueCheck::UNIQUE_CHECK_NO;
                    index_insert(relation, values, nulls, tid, table, unchecked, true, index);
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

    /// Inserts the slot's row.
    ///
    /// # Safety
    /// The slot's row is not yet written.
    pub unsafe fn insert(&self) -> Result<()> {
        let (relation, info, slot, state) = (self.relation, self.info, self.slot, self.state);
        // SAFETY: guaranteed by the caller; an open relation has a table access method.
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

    /// Inserts the slot's row unless a unique index already has its key, as INSERT … ON CONFLICT DO NOTHING
    /// does. Waits for transactions that are inserting or deleting that key. Returns false if the key exists.
    ///
    /// # Safety
    /// The slot's row is not yet written. The index belongs to the relation, and the target was opened with
    /// `speculative`.
    pub unsafe fn insert_unless_there(&self, index: pg_sys::Oid) -> Result<bool> {
        let (relation, info, slot, state) = (self.relation, self.info, self.slot, self.state);
        // SAFETY: guaranteed by the caller; an open relation has a table access method.
        catch(|| unsafe {
            let arbiters = lappend_oid(null_mut(), index);
            let mut tid = pg_sys::ItemPointerData::default();
            #[cfg(feature = "pg18")]
            let mut none = pg_sys::ItemPointerData::default();
            #[cfg(feature = "pg18")]
            pg_sys::ItemPointerSetInvalid(&raw mut none);
            loop {
                let is_free = ExecCheckIndexConstraints(
                    info,
                    slot,
                    state,
                    &raw mut tid,
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

    /// Queues an AFTER trigger for the inserted row.
    ///
    /// # Safety
    /// The slot's row was inserted, and the trigger belongs to the relation.
    pub unsafe fn fire(&self, mut trigger: pg_sys::Trigger) -> Result<()> {
        // The caller has evaluated the WHEN condition.
        trigger.tgqual = null_mut();
        let mut triggers = pg_sys::TriggerDesc {
            triggers: &raw mut trigger,
            numtriggers: 1,
            trig_insert_after_row: true,
            ..Default::default()
        };
        let (info, slot, state) = (self.info, self.slot, self.state);
        let triggers = &raw mut triggers;
        // SAFETY: guaranteed by the caller; queued events refer to the trigger by oid.
        catch(|| unsafe {
            (*info).ri_TrigDesc = triggers;
            AfterTriggerBeginQuery();
            ExecARInsertTriggers(state, info, slot, null_mut(), null_mut());
            (*info).ri_TrigDesc = null_mut();
            AfterTriggerEndQuery(state);
        })
    }

    /// Closes the indexes and frees the executor state.
    ///
    /// # Safety
    /// Nothing uses the indexes, the slot or the state any more.
    pub unsafe fn close(self) -> Result<()> {
        let (info, slot, state) = (self.info, self.slot, self.state);
        // SAFETY: guaranteed by the caller.
        catch(|| unsafe {
            ExecCloseIndices(info);
            ExecDropSingleTupleTableSlot(slot);
            ExecCloseResultRelations(state);
            // Slots of queued triggers.
            ExecResetTupleTable((*state).es_tupleTable, false);
            FreeExecutorState(state);
        })
    }
}

/// Returns true if the index is neither partial, an expression index nor an exclusion constraint, and
/// contains none of these columns.
fn is_plain_without(index: &pg_sys::IndexInfo, columns: &[c_int]) -> bool {
    let own = index.ii_IndexAttrNumbers.iter().take(index.ii_NumIndexAttrs as usize);
    index.ii_ReadyForInserts
        && index.ii_Expressions.is_null()
        && index.ii_Predicate.is_null()
        && index.ii_ExclusionOps.is_null()
        && own.map(|number| c_int::from(*number)).all(|number| !columns.contains(&number))
}
