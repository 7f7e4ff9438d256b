//! Cache of the tids at which rows were last found.
//!
//! An index leads to every version of a row that VACUUM has not removed. While an old snapshot is open,
//! VACUUM removes none, and a row that every event updates has thousands of versions. A lookup by tid follows
//! only the versions that other backends have written since this backend's last lookup.

use super::{
    Condition, GetLatestSnapshot, RegisterSnapshot, Rows, UnregisterSnapshot, Values, keys,
};
use crate::pg::error::{Result, catch};
use crate::pg::ffi::{
    FunctionCall2Coll, RelationGetNumberOfBlocksInFork, heap_fetch, heap_get_latest_tid,
};
use crate::pg::ffi::{ReleaseBuffer, heap_copytuple};
use pgrx::pg_sys;
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ptr::null_mut;

/// Oid of the table and a hash of the conditions. Collisions are possible; the found row is compared with the
/// conditions.
pub type Key = (pg_sys::Oid, u64);

/// Tids that a backend keeps. A full cache is cleared.
const MOST: usize = 10_000;

thread_local! {
    static TIDS: RefCell<HashMap<Key, pg_sys::ItemPointerData>> = RefCell::default();
}

/// Stores the tid of a row.
pub fn remember(key: Key, tid: pg_sys::ItemPointerData) {
    TIDS.with_borrow_mut(|tids| {
        if tids.len() >= MOST && !tids.contains_key(&key) {
            tids.clear();
        }
        tids.insert(key, tid);
    });
}

impl Rows {
    /// Cache key of the row that matches the conditions.
    pub(super) fn key(&self, conditions: &[Condition]) -> Key {
        let mut hasher = DefaultHasher::new();
        conditions.iter().for_each(|condition| condition.hash.hash(&mut hasher));
        // SAFETY: the relation is open.
        (unsafe { (*self.relation).rd_id }, hasher.finish())
    }

    /// Copies the latest version of the only row that matches the conditions.
    pub(super) fn one(&self, conditions: &[Condition]) -> Result<Option<pg_sys::HeapTuple>> {
        let key = self.key(conditions);
        let mut found = self.remembered(key, conditions)?;
        if found.is_none() {
            self.refresh()?;
            self.each(conditions, [], |tuple, _| {
                // SAFETY: the scan returned a valid tuple.
                found = Some(unsafe { copy(tuple) }?);
                Ok(false)
            })?;
        }
        if let Some(tuple) = found {
            // SAFETY: a copied tuple is valid.
            remember(key, unsafe { (*tuple).t_self });
        }
        Ok(found)
    }

    /// Copies the row at the cached tid, or the latest version that follows it, if it matches the conditions.
    fn remembered(&self, key: Key, conditions: &[Condition]) -> Result<Option<pg_sys::HeapTuple>> {
        let known = TIDS.with_borrow(|tids| tids.get(&key).copied());
        let Some(mut tid) = known else { return Ok(None) };
        let relation = self.relation;
        // SAFETY: the relation is open. A cached tid may be stale: the block number is checked against the
        // relation's size, and the row against the conditions.
        unsafe {
            let desc = (*relation).rd_att;
            let mut keys = keys(desc, conditions)?;
            let mut values = Values::of(desc);
            let (keys, values, tid) = (&raw mut keys[..], &raw mut values, &raw mut tid);
            catch(|| {
                let main = pg_sys::ForkNumber::MAIN_FORKNUM;
                if block(&*tid) >= RelationGetNumberOfBlocksInFork(relation, main) {
                    return None;
                }
                let snapshot = RegisterSnapshot(GetLatestSnapshot());
                let mut scan = pg_sys::TableScanDescData {
                    rs_rd: relation,
                    rs_snapshot: snapshot,
                    ..Default::default()
                };
                heap_get_latest_tid(&raw mut scan, tid);
                let mut tuple = pg_sys::HeapTupleData { t_self: *tid, ..Default::default() };
                let (tuple, mut buffer) = (&raw mut tuple, 0);
                let mut found = null_mut();
                if heap_fetch(relation, snapshot, tuple, &raw mut buffer, false) {
                    (*values).take(tuple, desc);
                    if is_as(&*values, &mut *keys) {
                        found = heap_copytuple(tuple);
                    }
                    ReleaseBuffer(buffer);
                }
                UnregisterSnapshot(snapshot);
                (!found.is_null()).then_some(found)
            })
        }
    }
}

fn block(tid: &pg_sys::ItemPointerData) -> u32 {
    u32::from(tid.ip_blkid.bi_hi) << 16 | u32::from(tid.ip_blkid.bi_lo)
}

/// Returns true if the values match the conditions.
///
/// # Safety
/// The values have the tuple descriptor that the keys were made for. Call within [`catch`].
unsafe fn is_as(values: &Values, keys: &mut [pg_sys::ScanKeyData]) -> bool {
    keys.iter_mut().all(|key| {
        let column = key.sk_attno as usize - 1;
        let (function, collation) = (&raw mut key.sk_func, key.sk_collation);
        // SAFETY: guaranteed by the caller.
        !values.nulls[column]
            && unsafe {
                FunctionCall2Coll(function, collation, values.values[column], key.sk_argument)
            }
            .value()
                != 0
    })
}

/// Copies a tuple.
///
/// # Safety
/// `tuple` is valid.
pub(super) unsafe fn copy(tuple: pg_sys::HeapTuple) -> Result<pg_sys::HeapTuple> {
    // SAFETY: guaranteed by the caller.
    catch(|| unsafe { heap_copytuple(tuple) })
}
