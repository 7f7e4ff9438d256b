//! Rows of carrel's own tables, read by an index and changed without a statement: for what every event reads
//! and changes, of which a statement would take longer to start than to run. It asks for no privilege and
//! no policy: the caller says whose rows it means, as those do that run SQL as the owner.

use crate::error::{Result, catch, check_for_interrupts};
use crate::spi::{Arg, missing_column, null_column};
use pgrx::datum::{Date, FromDatum, IntoDatum, Uuid};
use pgrx::htup::heap_getattr_raw;
use pgrx::pg_sys;
use pgrx::prelude::TimestampWithTimeZone;
use pgrx::{PgBox, PgTupleDesc};
use std::ffi::{CStr, c_char, c_int};
use std::num::NonZeroUsize;

/// What rows have to be: a condition on a column of the index.
pub struct Condition {
    column: &'static CStr,
    strategy: u32,
    function: u32,
    value: Option<pg_sys::Datum>,
}

impl Condition {
    pub fn is_user(user: Uuid) -> Self {
        Self::new(c"user_id", pg_sys::BTEqualStrategyNumber, pg_sys::F_UUID_EQ, user)
    }

    pub fn is_period(start: TimestampWithTimeZone) -> Self {
        let (strategy, function) = (pg_sys::BTEqualStrategyNumber, pg_sys::F_TIMESTAMPTZ_EQ);
        Self::new(c"period_start", strategy, function, start)
    }

    pub fn is_text(column: &'static CStr, text: &str) -> Self {
        Self::new(column, pg_sys::BTEqualStrategyNumber, pg_sys::F_TEXTEQ, text)
    }

    pub fn is_day(day: Date) -> Self {
        Self::new(c"day", pg_sys::BTEqualStrategyNumber, pg_sys::F_DATE_EQ, day)
    }

    pub fn is_slot(slot: i32) -> Self {
        Self::new(c"slot", pg_sys::BTEqualStrategyNumber, pg_sys::F_INT4EQ, slot)
    }

    pub fn is_from_day(day: Date) -> Self {
        Self::new(c"day", pg_sys::BTGreaterEqualStrategyNumber, pg_sys::F_DATE_GE, day)
    }

    pub fn is_later(time: TimestampWithTimeZone) -> Self {
        Self::new(c"expires_at", pg_sys::BTGreaterStrategyNumber, pg_sys::F_TIMESTAMPTZ_GT, time)
    }

    fn new(column: &'static CStr, strategy: u32, function: u32, value: impl IntoDatum) -> Self {
        Self { column, strategy, function, value: value.into_datum() }
    }

    /// As Postgres has it, for a table of this description.
    fn key(&self, desc: pg_sys::TupleDesc) -> Result<pg_sys::ScanKeyData> {
        let number = number(desc, self.column)?.get();
        // SAFETY: the description of an open relation.
        let collation = unsafe { PgTupleDesc::from_pg_unchecked(desc) }
            .get(number - 1)
            .map_or(pg_sys::InvalidOid, |column| column.attcollation);
        let mut key = pg_sys::ScanKeyData::default();
        let entry = &raw mut key;
        let (strategy, function) = (self.strategy, self.function.into());
        let value = self.value.unwrap_or(pg_sys::Datum::null());
        // SAFETY: a place for a key, of a column with such a function.
        catch(|| unsafe {
            ScanKeyEntryInitialize(
                entry,
                0,
                number as pg_sys::AttrNumber,
                strategy as pg_sys::StrategyNumber,
                pg_sys::InvalidOid,
                collation,
                function,
                value,
            );
        })?;
        Ok(key)
    }
}

/// A row that is gone when the next one comes.
pub struct Row<'a> {
    tuple: pg_sys::HeapTuple,
    desc: pg_sys::TupleDesc,
    columns: &'a [NonZeroUsize],
}

impl Row<'_> {
    /// The value of the column that is `number` of those asked for (from 1); None where it is null. A text
    /// that is borrowed is gone with the row.
    pub fn get<T: FromDatum>(&self, number: usize) -> Option<T> {
        let column = self.columns.get(number.checked_sub(1)?)?;
        // SAFETY: a tuple of this description; the type is that of the column, as the table's definition
        // says.
        unsafe {
            let datum = heap_getattr_raw(self.tuple, *column, self.desc)?;
            T::from_polymorphic_datum(datum, false, pg_sys::InvalidOid)
        }
    }

    /// The same where it is never null.
    pub fn need<T: FromDatum>(&self, number: usize) -> Result<T> {
        self.get(number).ok_or_else(|| null_column(number))
    }
}

/// What rows are read of: a table, and the index that the columns of the conditions are in. Without the
/// index, all of the table is read.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub table: &'static CStr,
    pub index: &'static CStr,
    pub conditions: &'a [Condition],
}

impl Source<'_> {
    /// Calls `each` for the rows that are as the conditions say, with the values of these columns, as they
    /// are committed now or written by this transaction.
    pub fn read<const N: usize>(
        self,
        columns: [&CStr; N],
        each: impl FnMut(&Row) -> Result<()>,
    ) -> Result<()> {
        self.opened(pg_sys::AccessShareLock, |relation, index, snapshot| {
            // SAFETY: an open relation and a snapshot that is kept.
            unsafe { self.scan(relation, index, snapshot, columns, each) }
        })
    }

    /// Reads the rows as [`Source::read`] does, and sets columns of the one for which `each` gave true, if
    /// `values` has some then. Whether that was done: not where there is no such row, where somebody else
    /// holds it (nobody is waited for), nor where somebody added to the table what a statement would mind,
    /// such as a trigger.
    pub fn change<const N: usize, const M: usize>(
        self,
        columns: [&CStr; N],
        set: [&CStr; M],
        mut each: impl FnMut(&Row) -> Result<bool>,
        values: impl FnOnce() -> Result<Option<[Arg; M]>>,
    ) -> Result<bool> {
        self.opened(pg_sys::RowExclusiveLock, |relation, index, snapshot| {
            // SAFETY: an open relation and a snapshot that is kept; the row is a copy.
            unsafe {
                let desc = (*relation).rd_att;
                let mut chosen = None;
                self.scan(relation, index, snapshot, columns, |row| {
                    if each(row)? {
                        let tuple = row.tuple;
                        chosen = Some(catch(|| heap_copytuple(tuple))?);
                    }
                    Ok(())
                })?;
                let (Some(tuple), Some(values)) = (chosen, values()?) else { return Ok(false) };
                if !is_plain(relation) {
                    return Ok(false);
                }
                let mut numbers = [0; M];
                for (place, column) in numbers.iter_mut().zip(set) {
                    *place = number(desc, column)?.get() as c_int;
                }
                let nulls = values.map(|value| value.datum().is_none());
                let values = values.map(|value| value.datum().unwrap_or(pg_sys::Datum::null()));
                let (count, numbers) = (M as c_int, numbers.as_mut_ptr());
                let (values, nulls) = (values.as_ptr().cast_mut(), nulls.as_ptr().cast_mut());
                let changed = catch(|| {
                    heap_modify_tuple_by_cols(tuple, desc, count, numbers, values, nulls)
                })?;
                update(relation, (*tuple).t_self, changed)
            }
        })
    }

    fn opened<T>(
        self,
        lock: u32,
        work: impl FnOnce(pg_sys::Relation, pg_sys::Oid, pg_sys::Snapshot) -> Result<T>,
    ) -> Result<T> {
        let (table, index, lock) = (self.table.as_ptr(), self.index.as_ptr(), lock as c_int);
        // SAFETY: names; what is opened is closed, or, after an error, given back with the
        // (sub)transaction.
        unsafe {
            let (schema, table) = catch(|| {
                let schema = get_namespace_oid(c"carrel".as_ptr(), false);
                (schema, get_relname_relid(table, schema))
            })?;
            if table == pg_sys::InvalidOid {
                let name = self.table.to_string_lossy();
                return Err(missing_column(&format!("there is no table carrel.{name}")));
            }
            // As long as the table is locked, its index stays.
            let (relation, index, snapshot) = catch(|| {
                let relation = table_open(table, lock);
                let index = get_relname_relid(index, schema);
                let is_valid = index != pg_sys::InvalidOid && get_index_isvalid(index);
                let index = if is_valid { index } else { pg_sys::InvalidOid };
                (relation, index, RegisterSnapshot(GetLatestSnapshot()))
            })?;
            let result = work(relation, index, snapshot)?;
            catch(|| {
                UnregisterSnapshot(snapshot);
                // The lock is kept, as by a statement.
                table_close(relation, pg_sys::NoLock as c_int);
            })?;
            Ok(result)
        }
    }

    /// # Safety
    /// The relation is open, and the snapshot registered.
    unsafe fn scan<const N: usize>(
        self,
        relation: pg_sys::Relation,
        index: pg_sys::Oid,
        snapshot: pg_sys::Snapshot,
        columns: [&CStr; N],
        mut each: impl FnMut(&Row) -> Result<()>,
    ) -> Result<()> {
        // SAFETY: the description of an open relation; as many keys as there are conditions, which live as
        // long as the scan; a row is used before the next one is asked for.
        unsafe {
            let desc = (*relation).rd_att;
            let mut numbers = [NonZeroUsize::MIN; N];
            for (number, column) in numbers.iter_mut().zip(columns) {
                *number = self::number(desc, column)?;
            }
            let mut keys = Vec::with_capacity(self.conditions.len());
            for condition in self.conditions {
                keys.push(condition.key(desc)?);
            }
            let (count, keys) = (keys.len() as c_int, keys.as_mut_ptr());
            let has_index = index != pg_sys::InvalidOid;
            let scan =
                catch(|| systable_beginscan(relation, index, has_index, snapshot, count, keys))?;
            loop {
                let tuple = catch(|| systable_getnext(scan))?;
                check_for_interrupts();
                if tuple.is_null() {
                    break;
                }
                each(&Row { tuple, desc, columns: &numbers })?;
            }
            catch(|| systable_endscan(scan))
        }
    }
}

/// Whether rows of a table can be changed without what a statement would do beside it: the table has
/// nothing but its indexes, and foreign keys of columns that stay as they are.
///
/// # Safety
/// The relation is open.
unsafe fn is_plain(relation: pg_sys::Relation) -> bool {
    // SAFETY: an open relation knows its triggers and constraints.
    unsafe {
        let constraints = (*(*relation).rd_att).constr;
        if !constraints.is_null()
            && ((*constraints).num_check > 0 || (*constraints).has_generated_stored)
        {
            return false;
        }
        let triggers = (*relation).trigdesc;
        let kind = &*(*relation).rd_rel;
        let is_heap = kind.relkind as u8 == pg_sys::RELKIND_RELATION
            && kind.relam == pg_sys::HEAP_TABLE_AM_OID
            && (*relation).rd_rules.is_null();
        let is_free = triggers.is_null() || {
            let count = (*triggers).numtriggers as usize;
            let mut all = std::slice::from_raw_parts((*triggers).triggers, count).iter();
            all.all(|trigger| {
                trigger.tgisinternal
                    || u32::from(trigger.tgtype as u16) & pg_sys::TRIGGER_TYPE_UPDATE == 0
            })
        };
        is_heap && is_free
    }
}

/// Puts a new version in the place of a row, unless somebody else holds it or has changed it, or this
/// transaction has locked it. (A server that is built with assertions has one that nobody asks
/// heap_update() not to wait.)
///
/// # Safety
/// The relation is open, and the place is that of a row of which the tuple is a changed copy.
unsafe fn update(
    relation: pg_sys::Relation,
    mut place: pg_sys::ItemPointerData,
    tuple: pg_sys::HeapTuple,
) -> Result<bool> {
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
                false,
                failure,
                lock,
                #[cfg(not(feature = "pg15"))]
                indexes,
            )
        })?;
        if result != pg_sys::TM_Result::TM_Ok {
            return Ok(false);
        }
        #[cfg(feature = "pg15")]
        let is_of_indexes = !is_heap_only(tuple);
        #[cfg(not(feature = "pg15"))]
        let is_of_indexes = *indexes != pg_sys::TU_UpdateIndexes::TU_None;
        if is_of_indexes {
            add_to_indexes(
                relation,
                tuple,
                #[cfg(not(feature = "pg15"))]
                (*indexes == pg_sys::TU_UpdateIndexes::TU_Summarizing),
            )?;
        }
        catch(|| {
            heap_freetuple(tuple);
            CommandCounterIncrement();
        })?;
    }
    Ok(true)
}

/// Whether a version of a row has no entry in indexes of its own.
#[cfg(feature = "pg15")]
unsafe fn is_heap_only(tuple: pg_sys::HeapTuple) -> bool {
    // SAFETY: a tuple has a header.
    unsafe { u32::from((*(*tuple).t_data).t_infomask2) & pg_sys::HEAP_ONLY_TUPLE != 0 }
}

/// Makes the entries of a new version in the indexes, as the executor does.
///
/// # Safety
/// The relation is open, and the tuple was written to it.
unsafe fn add_to_indexes(
    relation: pg_sys::Relation,
    tuple: pg_sys::HeapTuple,
    #[cfg(not(feature = "pg15"))] only_summarizing: bool,
) -> Result<()> {
    // SAFETY: what ExecSimpleRelationUpdate() does; all of it is freed, or goes with the transaction.
    unsafe {
        let desc = (*relation).rd_att;
        let target = PgBox::<pg_sys::ResultRelInfo>::alloc_node(pg_sys::NodeTag::T_ResultRelInfo);
        let target = target.into_pg();
        catch(|| {
            let slot = MakeSingleTupleTableSlot(desc, &raw const TTSOpsHeapTuple);
            ExecStoreHeapTuple(tuple, slot, false);
            let state = CreateExecutorState();
            // Of no range table: indexes are told that their columns stay as they are, which is a hint.
            InitResultRelInfo(target, relation, 0, std::ptr::null_mut(), 0);
            ExecOpenIndices(target, false);
            ExecInsertIndexTuples(
                target,
                slot,
                state,
                true,
                false,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                #[cfg(not(feature = "pg15"))]
                only_summarizing,
            );
            ExecCloseIndices(target);
            FreeExecutorState(state);
            ExecDropSingleTupleTableSlot(slot);
        })
    }
}

/// The number of a column.
fn number(desc: pg_sys::TupleDesc, column: &CStr) -> Result<NonZeroUsize> {
    let name = column.to_bytes_with_nul();
    // SAFETY: the description of an open relation, whose columns' names are C strings of 64 bytes.
    let number = unsafe {
        PgTupleDesc::from_pg_unchecked(desc).iter().position(|attribute| {
            let data = &attribute.attname.data;
            let bytes = std::slice::from_raw_parts(data.as_ptr().cast::<u8>(), data.len());
            bytes.starts_with(name)
        })
    };
    number
        .and_then(|number| NonZeroUsize::new(number + 1))
        .ok_or_else(|| missing_column(&format!("there is no column {}", column.to_string_lossy())))
}

unsafe extern "C-unwind" {
    fn get_namespace_oid(name: *const c_char, missing_ok: bool) -> pg_sys::Oid;
    fn get_relname_relid(name: *const c_char, schema: pg_sys::Oid) -> pg_sys::Oid;
    fn get_index_isvalid(index: pg_sys::Oid) -> bool;
    fn table_open(table: pg_sys::Oid, lock: c_int) -> pg_sys::Relation;
    fn table_close(table: pg_sys::Relation, lock: c_int);
    fn GetLatestSnapshot() -> pg_sys::Snapshot;
    fn RegisterSnapshot(snapshot: pg_sys::Snapshot) -> pg_sys::Snapshot;
    fn UnregisterSnapshot(snapshot: pg_sys::Snapshot);
    fn ScanKeyEntryInitialize(
        entry: pg_sys::ScanKey,
        flags: c_int,
        column: pg_sys::AttrNumber,
        strategy: pg_sys::StrategyNumber,
        subtype: pg_sys::Oid,
        collation: pg_sys::Oid,
        function: pg_sys::RegProcedure,
        argument: pg_sys::Datum,
    );
    fn systable_beginscan(
        table: pg_sys::Relation,
        index: pg_sys::Oid,
        is_index_to_be_used: bool,
        snapshot: pg_sys::Snapshot,
        count: c_int,
        keys: pg_sys::ScanKey,
    ) -> pg_sys::SysScanDesc;
    fn systable_getnext(scan: pg_sys::SysScanDesc) -> pg_sys::HeapTuple;
    fn systable_endscan(scan: pg_sys::SysScanDesc);
    fn heap_modify_tuple_by_cols(
        tuple: pg_sys::HeapTuple,
        desc: pg_sys::TupleDesc,
        count: c_int,
        columns: *mut c_int,
        values: *mut pg_sys::Datum,
        nulls: *mut bool,
    ) -> pg_sys::HeapTuple;
    fn heap_copytuple(tuple: pg_sys::HeapTuple) -> pg_sys::HeapTuple;
    fn heap_freetuple(tuple: pg_sys::HeapTuple);
    fn GetCurrentCommandId(used: bool) -> pg_sys::CommandId;
    fn CommandCounterIncrement();
    fn heap_update(
        table: pg_sys::Relation,
        place: pg_sys::ItemPointer,
        tuple: pg_sys::HeapTuple,
        command: pg_sys::CommandId,
        crosscheck: pg_sys::Snapshot,
        wait: bool,
        failure: *mut pg_sys::TM_FailureData,
        lock: *mut pg_sys::LockTupleMode::Type,
        #[cfg(not(feature = "pg15"))] indexes: *mut pg_sys::TU_UpdateIndexes::Type,
    ) -> pg_sys::TM_Result::Type;
    static TTSOpsHeapTuple: pg_sys::TupleTableSlotOps;
    fn MakeSingleTupleTableSlot(
        desc: pg_sys::TupleDesc,
        kind: *const pg_sys::TupleTableSlotOps,
    ) -> *mut pg_sys::TupleTableSlot;
    fn ExecDropSingleTupleTableSlot(slot: *mut pg_sys::TupleTableSlot);
    fn ExecStoreHeapTuple(
        tuple: pg_sys::HeapTuple,
        slot: *mut pg_sys::TupleTableSlot,
        is_to_be_freed: bool,
    ) -> *mut pg_sys::TupleTableSlot;
    fn CreateExecutorState() -> *mut pg_sys::EState;
    fn FreeExecutorState(state: *mut pg_sys::EState);
    fn InitResultRelInfo(
        target: *mut pg_sys::ResultRelInfo,
        table: pg_sys::Relation,
        index: pg_sys::Index,
        root: *mut pg_sys::ResultRelInfo,
        options: c_int,
    );
    fn ExecOpenIndices(target: *mut pg_sys::ResultRelInfo, is_speculative: bool);
    fn ExecCloseIndices(target: *mut pg_sys::ResultRelInfo);
    fn ExecInsertIndexTuples(
        target: *mut pg_sys::ResultRelInfo,
        slot: *mut pg_sys::TupleTableSlot,
        state: *mut pg_sys::EState,
        is_update: bool,
        is_duplicate_no_error: bool,
        conflict: *mut bool,
        arbiters: *mut pg_sys::List,
        #[cfg(not(feature = "pg15"))] only_summarizing: bool,
    ) -> *mut pg_sys::List;
}
