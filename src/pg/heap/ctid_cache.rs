//! Where rows were found last. Who looks for one again follows its versions from there.
//!
//! An index leads to all versions of a row that were not cleaned up. While an old snapshot is in use none is,
//! and a row that every event changes has thousands; from the version that this backend knows to the last one
//! there are as many as others have made since.

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

/// The table, and what conditions ask for, as a number: most probably that of no other row.
pub type Key = (pg_sys::Oid, u64);

/// How many places a backend remembers before it begins anew.
const MOST: usize = 10_000;

thread_local! {
    static PLACES: RefCell<HashMap<Key, pg_sys::ItemPointerData>> = RefCell::default();
}

/// Remembers where a row is.
pub fn remember(key: Key, place: pg_sys::ItemPointerData) {
    PLACES.with_borrow_mut(|places| {
        if places.len() >= MOST && !places.contains_key(&key) {
            places.clear();
        }
        places.insert(key, place);
    });
}

impl Rows {
    /// What the place is remembered by of the row that is as the conditions say.
    pub(super) fn key(&self, conditions: &[Condition]) -> Key {
        let mut hasher = DefaultHasher::new();
        conditions.iter().for_each(|condition| condition.hash.hash(&mut hasher));
        // SAFETY: an open relation.
        (unsafe { (*self.relation).rd_id }, hasher.finish())
    }

    /// A copy of the row that is as the conditions say, of which there is one at most, as it is now.
    pub(super) fn one(&self, conditions: &[Condition]) -> Result<Option<pg_sys::HeapTuple>> {
        let key = self.key(conditions);
        let mut found = self.remembered(key, conditions)?;
        if found.is_none() {
            self.refresh()?;
            self.each(conditions, [], |tuple, _| {
                // SAFETY: a tuple.
                found = Some(unsafe { copy(tuple) }?);
                Ok(false)
            })?;
        }
        if let Some(tuple) = found {
            // SAFETY: a tuple.
            remember(key, unsafe { (*tuple).t_self });
        }
        Ok(found)
    }

    /// The same, if it is where it was found last, or a later version of what is there.
    fn remembered(&self, key: Key, conditions: &[Condition]) -> Result<Option<pg_sys::HeapTuple>> {
        let known = PLACES.with_borrow(|places| places.get(&key).copied());
        let Some(mut place) = known else { return Ok(None) };
        let relation = self.relation;
        // SAFETY: an open relation. The place is any that a row had once: whether the relation still has it, and
        // which row is there, is looked at.
        unsafe {
            let desc = (*relation).rd_att;
            let mut keys = keys(desc, conditions)?;
            let mut values = Values::of(desc);
            let (keys, values, place) = (&raw mut keys[..], &raw mut values, &raw mut place);
            catch(|| {
                let main = pg_sys::ForkNumber::MAIN_FORKNUM;
                if block(&*place) >= RelationGetNumberOfBlocksInFork(relation, main) {
                    return None;
                }
                let snapshot = RegisterSnapshot(GetLatestSnapshot());
                let mut scan = pg_sys::TableScanDescData {
                    rs_rd: relation,
                    rs_snapshot: snapshot,
                    ..Default::default()
                };
                heap_get_latest_tid(&raw mut scan, place);
                let mut tuple = pg_sys::HeapTupleData { t_self: *place, ..Default::default() };
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

fn block(place: &pg_sys::ItemPointerData) -> u32 {
    u32::from(place.ip_blkid.bi_hi) << 16 | u32::from(place.ip_blkid.bi_lo)
}

/// Whether values are as conditions say.
///
/// # Safety
/// Values of the description that the conditions are for; within [`catch`].
unsafe fn is_as(values: &Values, keys: &mut [pg_sys::ScanKeyData]) -> bool {
    keys.iter_mut().all(|key| {
        let column = key.sk_attno as usize - 1;
        let (function, collation) = (&raw mut key.sk_func, key.sk_collation);
        // SAFETY: as the caller says.
        !values.nulls[column]
            && unsafe {
                FunctionCall2Coll(function, collation, values.values[column], key.sk_argument)
            }
            .value()
                != 0
    })
}

/// # Safety
/// A tuple.
pub(super) unsafe fn copy(tuple: pg_sys::HeapTuple) -> Result<pg_sys::HeapTuple> {
    // SAFETY: as the caller says.
    catch(|| unsafe { heap_copytuple(tuple) })
}
