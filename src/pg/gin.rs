//! Reading a table by its GIN index without a statement: which places the index has for a key, and the
//! row at a place. A statement reads every row that the index has; whoever knows which of them can
//! matter reads those alone.
//!
//! What a statement would do is done here as well: table and index are locked as for reading, rows are
//! those of the active snapshot, and serializable transactions know what was read. Privileges and
//! policies are not asked: the caller says whose rows it means. Only plain tables are read: without
//! partitions and children, and stored as Postgres does by itself.

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

/// A row's place in a table: its block and its number there, ordered as they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(u64);

impl Place {
    /// It takes so many bits.
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

/// Memory for what an index has for one key, in bytes, some 50 for each page; beyond, the bitmap forgets
/// which rows of a page it means.
const BITMAP: usize = 256 << 20;

/// A table of carrel's and an index of it.
pub struct Postings {
    table: pg_sys::Relation,
    index: pg_sys::Relation,
    snapshot: pg_sys::Snapshot,
    fetch: *mut pg_sys::IndexFetchTableData,
    slot: *mut pg_sys::TupleTableSlot,
    columns: c_int,
    /// The page of the visibility map that was last looked at.
    map: pg_sys::Buffer,
    /// The block that was last asked about, and whether all see all of it.
    block: Option<(pg_sys::BlockNumber, bool)>,
}

impl Postings {
    /// Calls `work` with a table and an index; None where the index is missing or can't be used.
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
        // SAFETY: names of relations in the schema; what is opened stays locked until the transaction
        // ends, and is closed by its end where an error keeps `close` from being called.
        unsafe {
            let schema = catch(|| get_namespace_oid(schema, true))?;
            let table = catch(|| get_relname_relid(table, schema))?;
            if table == pg_sys::InvalidOid {
                return Ok(None);
            }
            let table = catch(|| table_open(table, LOCK))?;
            // Looked up behind the lock, so that it is not dropped in between.
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
        // SAFETY: what `open` opened; locks stay.
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

    /// The number of a column.
    pub fn column(&self, name: &CStr) -> Result<usize> {
        // SAFETY: the table's id, a C string.
        let (table, name) = (unsafe { (*self.table).rd_id }, name.as_ptr());
        // SAFETY: as above; negative and zero where there is no such column, which no row has.
        let number = catch(|| unsafe { get_attnum(table, name) })?;
        Ok(usize::try_from(number).unwrap_or_default())
    }

    /// The places that the index has for a tsquery, in text, in order, of rows that may be gone; None
    /// where they are too many.
    pub fn places(&mut self, query: &CStr) -> Result<Option<Vec<Place>>> {
        let (index, snapshot, text) = (self.index, self.snapshot, query.as_ptr());
        // SAFETY: an open index whose column is of tsvectors, with one key of its first strategy; the
        // bitmap is freed, with all that an error leaves, at the latest with the transaction.
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
            let room = usize::try_from(count).unwrap_or_default();
            let mut places: Vec<Place> = Vec::with_capacity(room);
            let start = places.as_mut_ptr();
            let found = catch(|| drain(bitmap, start, room))?;
            catch(|| tbm_free(bitmap))?;
            Ok(found.map(|found| {
                places.set_len(found);
                places
            }))
        }
    }

    /// Whether there is a row at a place, in the snapshot. It is not read where all see all of its page;
    /// a row that VACUUM is just removing may count as there.
    pub fn is_there(&mut self, place: Place) -> Result<bool> {
        let block = place.block();
        if self.block.is_none_or(|(last, _)| last != block) {
            let (table, map) = (self.table, &raw mut self.map);
            // SAFETY: an open table, and a buffer that is kept from call to call.
            let status = catch(|| unsafe { visibilitymap_get_status(table, block, map) })?;
            let all_see_all = u32::from(status) & pg_sys::VISIBILITYMAP_ALL_VISIBLE != 0;
            self.block = Some((block, all_see_all));
        }
        if self.block.is_some_and(|(_, all_see_all)| all_see_all) {
            let (table, snapshot) = (self.table, self.snapshot);
            // SAFETY: an open table, and the snapshot that it is read with.
            catch(|| unsafe { PredicateLockPage(table, block, snapshot) })?;
            return Ok(true);
        }
        Ok(self.row(place, |_| Ok(()))?.is_some())
    }

    /// Calls `with` for the row at a place, where there is one in the snapshot.
    pub fn row<T>(
        &mut self,
        place: Place,
        with: impl FnOnce(&PassingRow) -> Result<T>,
    ) -> Result<Option<T>> {
        let (fetch, snapshot, slot, columns) = (self.fetch, self.snapshot, self.slot, self.columns);
        let mut item = place.item();
        let item = &raw mut item;
        let (mut again, mut all_dead) = (false, false);
        let (again, all_dead) = (&raw mut again, &raw mut all_dead);
        // SAFETY: what was opened together, and a place that the index has.
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

/// Whether a table has all its rows in itself, as Postgres stores them.
unsafe fn is_plain(table: pg_sys::Relation) -> bool {
    // SAFETY: an open table.
    let entry = unsafe { &*(*table).rd_rel };
    entry.relkind as u8 == pg_sys::RELKIND_RELATION
        && entry.relam == pg_sys::HEAP_TABLE_AM_OID
        && !entry.relhassubclass
}

/// Whether an index is of all rows of the table, in tsvectors, and as the planner has it: built, and not
/// newer than what the transaction sees.
unsafe fn is_usable(index: pg_sys::Relation, table: pg_sys::Relation) -> bool {
    const FROZEN: u16 = pg_sys::HEAP_XMIN_FROZEN as u16;
    // SAFETY: an open index and an open table; an index has a type for each of its columns.
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

/// A scan of an index for a bitmap, with one key.
unsafe fn begin_bitmap_scan(
    index: pg_sys::Relation,
    snapshot: pg_sys::Snapshot,
) -> pg_sys::IndexScanDesc {
    #[cfg(feature = "pg18")]
    // SAFETY: an open index, and a snapshot; nothing counts what it does.
    unsafe {
        index_beginscan_bitmap(index, snapshot, std::ptr::null_mut(), 1)
    }
    #[cfg(not(feature = "pg18"))]
    // SAFETY: an open index, and a snapshot.
    unsafe {
        index_beginscan_bitmap(index, snapshot, 1)
    }
}

/// Writes what is in a bitmap to where there is room for so many places, and says how many they are;
/// None where they are more, or not known one by one.
#[cfg(not(feature = "pg18"))]
unsafe fn drain(bitmap: *mut pg_sys::TIDBitmap, to: *mut Place, room: usize) -> Option<usize> {
    // SAFETY: a bitmap that nobody else reads, and room as the caller says.
    unsafe {
        let iterator = tbm_begin_iterate(bitmap);
        let mut count = 0;
        loop {
            let page = tbm_iterate(iterator);
            if page.is_null() {
                break;
            }
            let offsets = usize::try_from((*page).ntuples).ok()?;
            if offsets > room - count {
                return None;
            }
            for number in 0..offsets {
                let offset = *(&raw const (*page).offsets).cast::<u16>().add(number);
                to.add(count).write(Place(u64::from((*page).blockno) << 16 | u64::from(offset)));
                count += 1;
            }
        }
        tbm_end_iterate(iterator);
        Some(count)
    }
}

/// As above.
#[cfg(feature = "pg18")]
unsafe fn drain(bitmap: *mut pg_sys::TIDBitmap, to: *mut Place, room: usize) -> Option<usize> {
    /// No page has more.
    const MOST: usize = 2_048;
    // SAFETY: a bitmap that nobody else reads, and room as the caller says.
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
            if found > room - count || found > MOST {
                return None;
            }
            for offset in &offsets[..found] {
                to.add(count).write(Place(u64::from(page.blockno) << 16 | u64::from(*offset)));
                count += 1;
            }
        }
        tbm_end_private_iterate(iterator);
        Some(count)
    }
}
