//! Direct reads of a table through its GIN index: tids of a key, and the row at a tid.
//!
//! A statement reads every row that the index has for a key. A caller that knows which of them can matter
//! reads only those.
//!
//! Table and index are locked as for reading, rows are those of the active snapshot, and serializable
//! transactions record the reads. No privileges or policies are checked: the caller selects the rows of its
//! user. Only ordinary heap tables without partitions and children are read.

use crate::pg::error::{Result, catch};
use crate::pg::ffi::{
    ExecDropSingleTupleTableSlot, GetActiveSnapshot, OidInputFunctionCall, PredicateLockPage,
    ReleaseBuffer, ScanKeyInit, get_attnum, get_namespace_oid, get_relname_relid,
    index_beginscan_bitmap, index_close, index_endscan, index_getbitmap, index_open, index_rescan,
    slot_getsomeattrs_int, table_close, table_open, table_slot_create, tbm_create, tbm_free,
    visibilitymap_get_status,
};
#[cfg(not(feature = "pg18"))]
use crate::pg::ffi::{tbm_begin_iterate, tbm_end_iterate, tbm_iterate};
#[cfg(feature = "pg18")]
use crate::pg::ffi::{
    tbm_begin_private_iterate, tbm_end_private_iterate, tbm_extract_page_tuple, tbm_private_iterate,
};
use crate::pg::spi::PassingRow;
use pgrx::pg_sys;
use std::ffi::{CStr, c_int};

/// Tid: block number and offset in one integer. Orders by physical position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tid(u64);

impl Tid {
    /// Size in bits.
    pub const BITS: u32 = 48;

    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub fn to_bits(self) -> u64 {
        self.0
    }

    fn block(self) -> pg_sys::BlockNumber {
        (self.0 >> 16) as pg_sys::BlockNumber
    }

    fn item(self) -> pg_sys::ItemPointerData {
        let block = self.block();
        pg_sys::ItemPointerData {
            ip_blkid: pg_sys::BlockIdData { bi_hi: (block >> 16) as u16, bi_lo: block as u16 },
            ip_posid: self.0 as u16,
        }
    }
}

/// Size limit of the bitmap for one key, in bytes. A page takes about 50 bytes. Beyond the limit, the bitmap
/// becomes lossy.
const BITMAP: usize = 256 << 20;

/// Open table with one of its GIN indexes.
pub struct Postings {
    table: pg_sys::Relation,
    index: pg_sys::Relation,
    snapshot: pg_sys::Snapshot,
    fetch: *mut pg_sys::IndexFetchTableData,
    slot: *mut pg_sys::TupleTableSlot,
    columns: c_int,
    /// Page of the visibility map that was read last.
    map: pg_sys::Buffer,
    /// Last checked block, and true if all its rows are visible to all transactions.
    block: Option<(pg_sys::BlockNumber, bool)>,
}

impl Postings {
    /// Runs `work` with a table and an index. Returns None if the index is missing or not usable.
    pub fn with<T>(
        table: &CStr,
        index: &CStr,
        work: impl FnOnce(&mut Self) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let Some(mut postings) = Self::open(table, index)? else { return Ok(None) };
        let result = work(&mut postings)?;
        postings.close()?;
        Ok(result)
    }

    fn open(table: &CStr, index: &CStr) -> Result<Option<Self>> {
        let (table, index) = (table.as_ptr(), index.as_ptr());
        let schema = c"carrel".as_ptr();
        const LOCK: c_int = pg_sys::AccessShareLock as c_int;
        // SAFETY: names of relations in the schema. Their locks are kept until the transaction ends. After an
        // error, the end of the transaction closes them instead of `close`.
        unsafe {
            let schema = catch(|| get_namespace_oid(schema, true))?;
            let table = catch(|| get_relname_relid(table, schema))?;
            if table == pg_sys::InvalidOid {
                return Ok(None);
            }
            let table = catch(|| table_open(table, LOCK))?;
            // The table's lock protects the index from being dropped.
            let index = catch(|| get_relname_relid(index, schema))?;
            if index == pg_sys::InvalidOid || !is_plain(table) {
                catch(|| table_close(table, 0))?;
                return Ok(None);
            }
            let index = catch(|| index_open(index, LOCK))?;
            if !is_usable(index, table) {
                catch(|| {
                    index_close(index, 0);
                    table_close(table, 0);
                })?;
                return Ok(None);
            }
            let snapshot = catch(|| GetActiveSnapshot())?;
            let slot = catch(|| table_slot_create(table, std::ptr::null_mut()))?;
            let begin = (*(*table).rd_tableam).index_fetch_begin;
            let fetch = catch(|| match begin {
                Some(begin) => begin(table),
                None => std::ptr::null_mut(),
            })?;
            Ok(Some(Self {
                table,
                index,
                snapshot,
                fetch,
                slot,
                columns: (*(*table).rd_att).natts,
                map: pg_sys::InvalidBuffer as pg_sys::Buffer,
                block: None,
            }))
        }
    }

    fn close(self) -> Result<()> {
        let Self { table, index, fetch, slot, map, .. } = self;
        // SAFETY: closes what `open` opened; locks are kept.
        unsafe {
            let end = (*(*table).rd_tableam).index_fetch_end;
            catch(|| {
                if let Some(end) = end {
                    end(fetch);
                }
                ExecDropSingleTupleTableSlot(slot);
                if map != pg_sys::InvalidBuffer as pg_sys::Buffer {
                    ReleaseBuffer(map);
                }
                index_close(index, 0);
                table_close(table, 0);
            })
        }
    }

    /// Number of a column.
    pub fn column(&self, name: &CStr) -> Result<usize> {
        // SAFETY: reads the oid of an open table.
        let (table, name) = (unsafe { (*self.table).rd_id }, name.as_ptr());
        // SAFETY: the oid of a table, and a C string. The result is 0 or negative if there is no such column.
        let number = catch(|| unsafe { get_attnum(table, name) })?;
        Ok(usize::try_from(number).unwrap_or_default())
    }

    /// Tids that the index has for a tsquery in text form, in ascending order. The rows may be dead. None if
    /// the bitmap became lossy.
    pub fn tids(&mut self, query: &CStr) -> Result<Option<Vec<Tid>>> {
        let (index, snapshot, text) = (self.index, self.snapshot, query.as_ptr());
        // SAFETY: the index has a tsvector column, and the key uses its first strategy. After an error, the
        // bitmap is freed with the transaction's memory.
        unsafe {
            let mut key = pg_sys::ScanKeyData::default();
            let key = &raw mut key;
            let bitmap = catch(|| tbm_create(BITMAP as _, std::ptr::null_mut()))?;
            let count = catch(|| {
                let query = OidInputFunctionCall(
                    pg_sys::Oid::from(pg_sys::F_TSQUERYIN),
                    text,
                    pg_sys::InvalidOid,
                    -1,
                );
                ScanKeyInit(
                    key,
                    1,
                    pg_sys::TSearchStrategyNumber as u16,
                    pg_sys::Oid::from(pg_sys::F_TS_MATCH_VQ),
                    query,
                );
                let scan = begin_bitmap_scan(index, snapshot);
                index_rescan(scan, key, 1, std::ptr::null_mut(), 0);
                let count = index_getbitmap(scan, bitmap);
                index_endscan(scan);
                count
            })?;
            let capacity = usize::try_from(count).unwrap_or_default();
            let mut tids: Vec<Tid> = Vec::with_capacity(capacity);
            let start = tids.as_mut_ptr();
            let found = catch(|| drain(bitmap, start, capacity))?;
            catch(|| tbm_free(bitmap))?;
            Ok(found.map(|found| {
                tids.set_len(found);
                tids
            }))
        }
    }

    /// Returns true if the snapshot has a row at a tid. A row on an all-visible page is not read; a row that
    /// VACUUM is removing may count.
    pub fn is_there(&mut self, tid: Tid) -> Result<bool> {
        let block = tid.block();
        if self.block.is_none_or(|(last, _)| last != block) {
            let (table, map) = (self.table, &raw mut self.map);
            // SAFETY: the table is open; the buffer is kept between calls.
            let status = catch(|| unsafe { visibilitymap_get_status(table, block, map) })?;
            let all_see_all = u32::from(status) & pg_sys::VISIBILITYMAP_ALL_VISIBLE != 0;
            self.block = Some((block, all_see_all));
        }
        if self.block.is_some_and(|(_, all_see_all)| all_see_all) {
            let (table, snapshot) = (self.table, self.snapshot);
            // SAFETY: the table is open, and `snapshot` is its snapshot.
            catch(|| unsafe { PredicateLockPage(table, block, snapshot) })?;
            return Ok(true);
        }
        Ok(self.row(tid, |_| Ok(()))?.is_some())
    }

    /// Calls `with` for the row at a tid, if the snapshot has one.
    pub fn row<T>(
        &mut self,
        tid: Tid,
        with: impl FnOnce(&PassingRow) -> Result<T>,
    ) -> Result<Option<T>> {
        let (fetch, snapshot, slot, columns) = (self.fetch, self.snapshot, self.slot, self.columns);
        let mut item = tid.item();
        let item = &raw mut item;
        let (mut again, mut all_dead) = (false, false);
        let (again, all_dead) = (&raw mut again, &raw mut all_dead);
        // SAFETY: opened together by `open`; the index has the tid.
        unsafe {
            let read = (*(*self.table).rd_tableam).index_fetch_tuple;
            let is_there = catch(|| {
                let found = match read {
                    Some(read) => read(fetch, item, snapshot, slot, again, all_dead),
                    None => false,
                };
                if found && c_int::from((*slot).tts_nvalid) < columns {
                    slot_getsomeattrs_int(slot, columns);
                }
                found
            })?;
            if !is_there {
                return Ok(None);
            }
            with(&PassingRow::of(slot)).map(Some)
        }
    }
}

/// Returns true for a heap table without inheritance children.
///
/// # Safety
/// The table is open.
unsafe fn is_plain(table: pg_sys::Relation) -> bool {
    // SAFETY: guaranteed by the caller.
    let entry = unsafe { &*(*table).rd_rel };
    entry.relkind as u8 == pg_sys::RELKIND_RELATION
        && entry.relam == pg_sys::HEAP_TABLE_AM_OID
        && !entry.relhassubclass
}

/// Returns true if the index covers all rows, has tsvector columns, and the planner would use it: it is valid
/// and old enough for the transaction.
///
/// # Safety
/// Table and index are open.
unsafe fn is_usable(index: pg_sys::Relation, table: pg_sys::Relation) -> bool {
    const FROZEN: u16 = pg_sys::HEAP_XMIN_FROZEN as u16;
    // SAFETY: guaranteed by the caller; an index has a type for each column.
    unsafe {
        let entry = &*(*index).rd_index;
        let tuple = &*(*(*index).rd_indextuple).t_data;
        let is_old_enough = || {
            tuple.t_infomask & FROZEN == FROZEN
                || pg_sys::TransactionIdPrecedes(
                    tuple.t_choice.t_heap.t_xmin,
                    pg_sys::TransactionXmin,
                )
        };
        entry.indrelid == (*table).rd_id
            && entry.indisvalid
            && (!entry.indcheckxmin || is_old_enough())
            && (*index).rd_amhandler == pg_sys::Oid::from(pg_sys::F_GINHANDLER)
            && *(*index).rd_opcintype == pg_sys::TSVECTOROID
            && pg_sys::heap_attisnull(
                (*index).rd_indextuple,
                pg_sys::Anum_pg_index_indpred as c_int,
                std::ptr::null_mut(),
            )
    }
}

/// Starts a bitmap scan of an index with one key.
///
/// # Safety
/// The index is open, and the snapshot is valid.
unsafe fn begin_bitmap_scan(
    index: pg_sys::Relation,
    snapshot: pg_sys::Snapshot,
) -> pg_sys::IndexScanDesc {
    #[cfg(feature = "pg18")]
    // SAFETY: guaranteed by the caller; the instrumentation is optional.
    unsafe {
        index_beginscan_bitmap(index, snapshot, std::ptr::null_mut(), 1)
    }
    #[cfg(not(feature = "pg18"))]
    // SAFETY: guaranteed by the caller.
    unsafe {
        index_beginscan_bitmap(index, snapshot, 1)
    }
}

/// Writes the tids of a bitmap to `to` and returns their number. None if there are more than `capacity`, or
/// if the bitmap is lossy.
///
/// # Safety
/// Nothing else reads the bitmap, and `to` holds `capacity` tids.
#[cfg(not(feature = "pg18"))]
unsafe fn drain(bitmap: *mut pg_sys::TIDBitmap, to: *mut Tid, capacity: usize) -> Option<usize> {
    // SAFETY: guaranteed by the caller.
    unsafe {
        let iterator = tbm_begin_iterate(bitmap);
        let mut count = 0;
        loop {
            let page = tbm_iterate(iterator);
            if page.is_null() {
                break;
            }
            let offsets = usize::try_from((*page).ntuples).ok()?;
            if offsets > capacity - count {
                return None;
            }
            for number in 0..offsets {
                let offset = *(&raw const (*page).offsets).cast::<u16>().add(number);
                to.add(count).write(Tid(u64::from((*page).blockno) << 16 | u64::from(offset)));
                count += 1;
            }
        }
        tbm_end_iterate(iterator);
        Some(count)
    }
}

/// Writes the tids of a bitmap to `to` and returns their number. None if there are more than `capacity`, or
/// if the bitmap is lossy.
///
/// # Safety
/// Nothing else reads the bitmap, and `to` holds `capacity` tids.
#[cfg(feature = "pg18")]
unsafe fn drain(bitmap: *mut pg_sys::TIDBitmap, to: *mut Tid, capacity: usize) -> Option<usize> {
    /// Limit of tids on a page.
    const MOST: usize = 2_048;
    // SAFETY: guaranteed by the caller.
    unsafe {
        let iterator = tbm_begin_private_iterate(bitmap);
        let mut page = std::mem::zeroed::<pg_sys::TBMIterateResult>();
        let mut offsets = [0_u16; MOST];
        let mut count = 0;
        while tbm_private_iterate(iterator, &raw mut page) {
            if page.lossy {
                return None;
            }
            let found =
                tbm_extract_page_tuple(&raw mut page, offsets.as_mut_ptr(), MOST as u32) as usize;
            if found > capacity - count || found > MOST {
                return None;
            }
            for offset in &offsets[..found] {
                to.add(count).write(Tid(u64::from(page.blockno) << 16 | u64::from(*offset)));
                count += 1;
            }
        }
        tbm_end_private_iterate(iterator);
        Some(count)
    }
}
