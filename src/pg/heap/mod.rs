//! Direct access to rows of carrel's own tables: reads by index, writes without a statement.
//!
//! For rows that every event reads and updates: starting a statement takes longer than the work itself. No
//! privileges or policies are checked, as in SQL that runs as the owner; the caller selects the rows of its
//! user.
//!
//! Tables of other roles are only read, and only as a whole ([`table_scan`]).
//!
//! [`update`] sets columns of a row, [`insert`] adds rows. Both require that a statement would do nothing
//! else ([`eligibility`]). `carrel.direct_writes = off` turns both off.
//!
//! Direct writes save more than half of the CPU time of a call under a hard limit. Median milliseconds of one
//! session on PostgreSQL 15, with direct writes / with statements: record_usage() 0.15 / 0.33,
//! consume_usage() 0.15 / 0.62, reserve_usage() and settle_usage() 0.54 / 1.18, a claimed and completed
//! request 0.53 / 0.87. With direct updates and inserts by statement, record_usage() and consume_usage() take
//! 0.22.

mod ctid_cache;
mod eligibility;
mod executor;
mod insert;
pub mod table_scan;
mod update;

use crate::pg::error::{Result, catch, check_for_interrupts, contain};
use crate::pg::ffi::{
    GetActiveSnapshot, GetLatestSnapshot, IsInParallelMode, RegisterSnapshot,
    ScanKeyEntryInitialize, UnregisterSnapshot, heap_deform_tuple, index_rescan,
    systable_beginscan, systable_endscan, systable_getnext, table_close, table_open,
};
use crate::pg::owner;
use crate::pg::relation_ids;
use crate::pg::spi::{self, missing_column, null_column};
use pgrx::datum::{Date, FromDatum, IntoDatum, Uuid};
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use pgrx::pg_sys;
use pgrx::prelude::TimestampWithTimeZone;
use std::cell::Cell;
use std::ffi::{CStr, c_int};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ptr::null_mut;

pub use eligibility::{HandledByCaller, Reference};
pub use insert::DirectInsert;
pub use update::{RowVersion, UpdateOutcome};

static DIRECT_WRITES: GucSetting<bool> = GucSetting::<bool>::new(true);

/// Registers `carrel.direct_writes`.
pub fn register_settings() {
    GucRegistry::define_bool_guc(
        c"carrel.direct_writes",
        c"Writes rows of usage without a statement where their tables are as carrel made them.",
        c"Off, statements write them: slower, and seen by extensions that watch statements.",
        &DIRECT_WRITES,
        GucContext::Suset,
        GucFlags::default(),
    );
}

fn are_writes_direct() -> bool {
    DIRECT_WRITES.get()
}

/// Condition on a column of the index.
pub struct Condition {
    column: &'static CStr,
    strategy: u32,
    function: u32,
    value: Option<pg_sys::Datum>,
    hash: u64,
}

impl Condition {
    pub fn is_user(user: Uuid) -> Self {
        Self::new(c"user_id", pg_sys::BTEqualStrategyNumber, pg_sys::F_UUID_EQ, user)
    }

    pub fn is_id(id: Uuid) -> Self {
        Self::new(c"id", pg_sys::BTEqualStrategyNumber, pg_sys::F_UUID_EQ, id)
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

    pub fn is_slot_below(slot: i32) -> Self {
        Self::new(c"slot", pg_sys::BTLessStrategyNumber, pg_sys::F_INT4LT, slot)
    }

    pub fn is_from_day(day: Date) -> Self {
        Self::new(c"day", pg_sys::BTGreaterEqualStrategyNumber, pg_sys::F_DATE_GE, day)
    }

    pub fn is_later(time: TimestampWithTimeZone) -> Self {
        Self::new(c"expires_at", pg_sys::BTGreaterStrategyNumber, pg_sys::F_TIMESTAMPTZ_GT, time)
    }

    fn new(
        column: &'static CStr,
        strategy: u32,
        function: u32,
        value: impl IntoDatum + Hash,
    ) -> Self {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        let hash = hasher.finish();
        Self { column, strategy, function, value: value.into_datum(), hash }
    }
}

/// Converts conditions to scan keys.
fn keys(desc: pg_sys::TupleDesc, conditions: &[Condition]) -> Result<Vec<pg_sys::ScanKeyData>> {
    let (mut positions, mut next) = (Vec::with_capacity(conditions.len()), 0);
    for condition in conditions {
        let position = position_of(desc, condition.column, next)?;
        positions.push(position);
        next = position + 1;
    }
    let mut keys = vec![pg_sys::ScanKeyData::default(); conditions.len()];
    let (entries, positions) = (keys.as_mut_ptr(), positions.as_slice());
    // SAFETY: `keys` has an entry for each position, and each function takes the column's type.
    catch(|| unsafe {
        for (i, (condition, position)) in conditions.iter().zip(positions).enumerate() {
            ScanKeyEntryInitialize(
                entries.add(i),
                0,
                *position as pg_sys::AttrNumber + 1,
                condition.strategy as pg_sys::StrategyNumber,
                pg_sys::InvalidOid,
                (*attribute(desc, *position)).attcollation,
                condition.function.into(),
                condition.value.unwrap_or(pg_sys::Datum::null()),
            );
        }
    })?;
    Ok(keys)
}

/// Row that is valid until the next row is read.
pub struct TableRow<'a> {
    values: &'a [pg_sys::Datum],
    nulls: &'a [bool],
    columns: &'a [usize],
}

impl TableRow<'_> {
    /// Value of the requested column `number`, counted from 1; None if null. A borrowed text is valid as long
    /// as the row.
    pub fn get<T: FromDatum>(&self, number: usize) -> Option<T> {
        let column = *self.columns.get(number.checked_sub(1)?)?;
        let (value, is_null) = (*self.values.get(column)?, *self.nulls.get(column)?);
        // SAFETY: the type is the column's type by the table's definition.
        unsafe { T::from_polymorphic_datum(value, is_null, pg_sys::InvalidOid) }
    }

    /// Value of the requested column `number` that is never null.
    pub fn need<T: FromDatum>(&self, number: usize) -> Result<T> {
        self.get(number).ok_or_else(|| null_column(number))
    }
}

/// Deformed row.
struct Values {
    values: Vec<pg_sys::Datum>,
    nulls: Vec<bool>,
}

impl Values {
    /// Buffers for rows with this tuple descriptor.
    ///
    /// # Safety
    /// The tuple descriptor belongs to an open relation.
    unsafe fn of(desc: pg_sys::TupleDesc) -> Self {
        // SAFETY: guaranteed by the caller.
        let count = unsafe { (*desc).natts } as usize;
        Self { values: vec![pg_sys::Datum::null(); count], nulls: vec![true; count] }
    }

    /// Deforms a tuple.
    ///
    /// # Safety
    /// The tuple has the tuple descriptor that the buffers were made for. Call within [`catch`].
    unsafe fn take(&mut self, tuple: pg_sys::HeapTuple, desc: pg_sys::TupleDesc) {
        // SAFETY: guaranteed by the caller.
        unsafe {
            heap_deform_tuple(tuple, desc, self.values.as_mut_ptr(), self.nulls.as_mut_ptr());
        }
    }

    fn row<'a>(&'a self, columns: &'a [usize]) -> TableRow<'a> {
        TableRow { values: &self.values, nulls: &self.nulls, columns }
    }
}

/// Table and the index that conditions use. If the index is missing, the whole table is scanned.
#[derive(Clone, Copy)]
pub struct Table {
    pub name: &'static CStr,
    pub index: &'static CStr,
}

impl Table {
    /// Oid of the table.
    pub fn oid(self) -> Result<pg_sys::Oid> {
        relation_ids::table(self.name)
    }

    /// See [`Rows::read`].
    pub fn read<const N: usize>(
        self,
        conditions: &[Condition],
        columns: [&CStr; N],
        each: impl FnMut(&TableRow) -> Result<()>,
    ) -> Result<()> {
        self.open(TableLock::Read, |rows| rows.read(conditions, columns, each))
    }

    /// Returns true if a row matches the conditions. Committed rows and rows of this transaction count,
    /// including those of the running statement.
    pub fn has(self, conditions: &[Condition]) -> Result<bool> {
        self.open(TableLock::Read, |rows| {
            let mut is_there = false;
            rows.each(conditions, [], |_, _| {
                is_there = true;
                Ok(false)
            })?;
            if is_there { Ok(true) } else { rows.has_written(conditions) }
        })
    }

    /// Opens the table and runs `work` with its rows.
    pub fn open<T>(self, access: TableLock, work: impl FnOnce(&Rows) -> Result<T>) -> Result<T> {
        let (table, lock) = (relation_ids::table(self.name)?, access as c_int);
        // SAFETY: the oid is a table's. The relation is closed below; after an error, the (sub)transaction's
        // abort closes it.
        unsafe {
            if !matches!(access, TableLock::Read) {
                // Fails on a standby too.
                spi::need_writable(c"UPDATE")?;
            }
            let relation = catch(|| table_open(table, lock))?;
            // Another owner could have written the rows.
            if (*(*relation).rd_rel).relowner != owner::oid()? {
                return Err(owner::foreign_table(
                    (*relation).rd_id,
                    (*(*relation).rd_rel).relowner,
                ));
            }
            if (*(*relation).rd_rel).relam != pg_sys::HEAP_TABLE_AM_OID {
                let name = self.name.to_string_lossy();
                return Err(missing_column(&format!("table carrel.{name} is no heap")));
            }
            let index = relation_ids::index(self.index)?;
            let rows = Rows { relation, index, scan: Cell::new(None) };
            let result = work(&rows)?;
            rows.end(rows.scan.take())?;
            // The lock is kept until the end of the transaction, as after a statement.
            catch(|| table_close(relation, pg_sys::NoLock as c_int))?;
            Ok(result)
        }
    }
}

/// Table lock that a statement would take for the operation.
#[derive(Clone, Copy)]
pub enum TableLock {
    Read = pg_sys::AccessShareLock as isize,
    Hold = pg_sys::RowShareLock as isize,
    Change = pg_sys::RowExclusiveLock as isize,
}

/// Rows of an open table.
pub struct Rows {
    relation: pg_sys::Relation,
    index: pg_sys::Oid,
    /// Scan to reuse: starting one takes as long as reading by it.
    scan: Cell<Option<Scan>>,
}

#[derive(Clone, Copy)]
struct Scan {
    scan: pg_sys::SysScanDesc,
    snapshot: pg_sys::Snapshot,
    key_count: usize,
}

impl Rows {
    /// Calls `each` for each row that matches the conditions, with the values of these columns. Rows are
    /// visible if they were committed, or written by this transaction, before the first read of the open
    /// table.
    pub fn read<const N: usize>(
        &self,
        conditions: &[Condition],
        columns: [&CStr; N],
        mut each: impl FnMut(&TableRow) -> Result<()>,
    ) -> Result<()> {
        self.each(conditions, columns, |_, row| each(row).map(|()| true))
    }

    /// Scans like [`Rows::read`] and passes the tuples too. Stops when `each` returns false.
    fn each<const N: usize>(
        &self,
        conditions: &[Condition],
        columns: [&CStr; N],
        mut each: impl FnMut(pg_sys::HeapTuple, &TableRow) -> Result<bool>,
    ) -> Result<()> {
        // SAFETY: the relation is open; a row is used before the next one is read.
        unsafe {
            check_for_interrupts();
            let desc = (*self.relation).rd_att;
            let columns = positions_of(desc, columns)?;
            let mut values = Values::of(desc);
            let scan = self.begin(conditions)?;
            let mut next = || {
                let tuple = systable_getnext(scan.scan);
                if tuple.is_null() {
                    return Ok(false);
                }
                values.take(tuple, desc);
                contain(|| {
                    check_for_interrupts();
                    each(tuple, &values.row(&columns))
                })
            };
            let mut end = Ok(true);
            let (next, outcome) = (&raw mut next, &raw mut end);
            catch(|| {
                while let Ok(true) = *outcome {
                    *outcome = (*next)();
                }
            })?;
            end?;
            self.end(self.scan.replace(Some(scan)))
        }
    }

    /// Returns true if the running statement wrote a matching row, which no snapshot shows. Not for rows that
    /// others may be updating: neither version of such a row may be visible.
    fn has_written(&self, conditions: &[Condition]) -> Result<bool> {
        let (relation, index) = (self.relation, self.index);
        // SAFETY: see `begin` and `each`; a static snapshot needs no registration.
        unsafe {
            let mut keys = keys((*relation).rd_att, conditions)?;
            let (keys, count) = (keys.as_mut_ptr(), keys.len() as c_int);
            catch(|| {
                let snapshot = &raw mut pg_sys::SnapshotSelfData;
                let has_index = index != pg_sys::InvalidOid;
                let scan = systable_beginscan(relation, index, has_index, snapshot, count, keys);
                let is_there = !systable_getnext(scan).is_null();
                systable_endscan(scan);
                is_there
            })
        }
    }

    fn begin(&self, conditions: &[Condition]) -> Result<Scan> {
        let (relation, index) = (self.relation, self.index);
        let has_index = index != pg_sys::InvalidOid;
        // SAFETY: the relation is open. There is a key for each condition, on a column of the index. The scan
        // copies the keys.
        unsafe {
            let mut keys = keys((*relation).rd_att, conditions)?;
            let (key_count, count) = (keys.len(), keys.len() as c_int);
            match self.scan.take() {
                Some(scan) if scan.key_count == key_count && has_index => {
                    let columns = &(*(*(*scan.scan).irel).rd_index).indkey;
                    let columns = columns.values.as_slice(columns.dim1 as usize);
                    for key in &mut keys {
                        let position = columns.iter().position(|column| *column == key.sk_attno);
                        key.sk_attno = position.map_or(0, |position| position as i16 + 1);
                    }
                    let (index, keys) = ((*scan.scan).iscan, keys.as_mut_ptr());
                    catch(|| index_rescan(index, keys, count, null_mut(), 0))?;
                    Ok(scan)
                }
                other => {
                    self.end(other)?;
                    let keys = keys.as_mut_ptr();
                    let (scan, snapshot) = catch(|| {
                        // A parallel worker must see the rows that its leader sees.
                        let snapshot = RegisterSnapshot(if IsInParallelMode() {
                            GetActiveSnapshot()
                        } else {
                            GetLatestSnapshot()
                        });
                        let scan =
                            systable_beginscan(relation, index, has_index, snapshot, count, keys);
                        (scan, snapshot)
                    })?;
                    Ok(Scan { scan, snapshot, key_count })
                }
            }
        }
    }

    fn end(&self, scan: Option<Scan>) -> Result<()> {
        let Some(Scan { scan, snapshot, .. }) = scan else { return Ok(()) };
        // SAFETY: `begin` started the scan and registered the snapshot.
        catch(|| unsafe {
            systable_endscan(scan);
            UnregisterSnapshot(snapshot);
        })
    }

    /// Discards the snapshot: later reads see rows committed until then.
    fn refresh(&self) -> Result<()> {
        self.end(self.scan.take())
    }
}

/// Positions of columns in a row.
fn positions_of<const N: usize>(
    desc: pg_sys::TupleDesc,
    columns: [&CStr; N],
) -> Result<[usize; N]> {
    let (mut positions, mut next) = ([0; N], 0);
    for (position, column) in positions.iter_mut().zip(columns) {
        *position = position_of(desc, column, next)?;
        next = *position + 1;
    }
    Ok(positions)
}

/// Position of a column. The search starts at `probable`.
fn position_of(desc: pg_sys::TupleDesc, column: &CStr, probable: usize) -> Result<usize> {
    let name = column.to_bytes_with_nul();
    // SAFETY: the relation is open; names of columns are C strings in 64 bytes.
    let position = unsafe {
        let count = (*desc).natts as usize;
        (probable..count).chain(0..probable.min(count)).find(|position| {
            let data = &(*attribute(desc, *position)).attname.data;
            let bytes = std::slice::from_raw_parts(data.as_ptr().cast::<u8>(), data.len());
            bytes[0] == name[0] && bytes.starts_with(name)
        })
    };
    position
        .ok_or_else(|| missing_column(&format!("there is no column {}", column.to_string_lossy())))
}

/// Attribute at a position.
///
/// # Safety
/// The tuple descriptor belongs to an open relation and has this position.
unsafe fn attribute(
    desc: pg_sys::TupleDesc,
    position: usize,
) -> *const pg_sys::FormData_pg_attribute {
    // SAFETY: guaranteed by the caller; the address is computed as TupleDescAttr() does.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        let first = (*desc).attrs.as_ptr();
        #[cfg(feature = "pg18")]
        let first = (*desc)
            .compact_attrs
            .as_ptr()
            .add((*desc).natts as usize)
            .cast::<pg_sys::FormData_pg_attribute>();
        first.add(position)
    }
}

#[cfg(any(test, feature = "pg_test"))]
#[pgrx::pg_schema]
#[allow(clippy::disallowed_types, clippy::expect_used)]
mod tests {
    use pgrx::pg_sys;
    use pgrx::prelude::*;
    use std::cell::RefCell;

    thread_local! {
        static SEEN: RefCell<Vec<pg_sys::Oid>> = const { RefCell::new(Vec::new()) };
    }

    /// Records the tables of a statement, as pgaudit does.
    #[cfg(feature = "pg15")]
    unsafe extern "C-unwind" fn watch(tables: *mut pg_sys::List, _: bool) -> bool {
        // SAFETY: a list of range table entries, or null.
        let tables = unsafe { pgrx::PgList::<pg_sys::RangeTblEntry>::from_pg(tables) };
        // SAFETY: entries of the list.
        tables.iter_ptr().for_each(|table| see(unsafe { (*table).relid }));
        true
    }

    #[cfg(not(feature = "pg15"))]
    unsafe extern "C-unwind" fn watch(
        _: *mut pg_sys::List,
        tables: *mut pg_sys::List,
        _: bool,
    ) -> bool {
        // SAFETY: a list of permission requests, or null.
        let tables = unsafe { pgrx::PgList::<pg_sys::RTEPermissionInfo>::from_pg(tables) };
        // SAFETY: entries of the list.
        tables.iter_ptr().for_each(|table| see(unsafe { (*table).relid }));
        true
    }

    fn see(table: pg_sys::Oid) {
        SEEN.with_borrow_mut(|seen| seen.push(table));
    }

    #[pg_test]
    fn an_extension_that_hooks_permission_checks_sees_writes_of_usage() {
        let user = "11111111-1111-1111-1111-111111111111";
        Spi::run(&format!(
            "select carrel.create_user('{user}');
            insert into carrel.plan_limits (plan_type, event_type, measure, limit_value, enforcement)
            values ('free', 'chat', 'tokens', 100, 'hard');
            select carrel.consume_usage('chat', 7, user_id => '{user}')"
        ))
        .expect("set-up");
        let record = format!("select carrel.consume_usage('chat', 7, user_id => '{user}')");
        // SAFETY: a variable of the server, reset below.
        unsafe { (&raw mut pg_sys::ExecutorCheckPerms_hook).write(Some(watch)) };
        let recorded = Spi::run(&record);
        // SAFETY: the server's variable.
        unsafe { (&raw mut pg_sys::ExecutorCheckPerms_hook).write(None) };
        recorded.expect("usage");
        for table in ["usage_events", "usage_totals", "usage_allowances"] {
            let oid = format!("select 'carrel.{table}'::regclass::oid");
            let oid = Spi::get_one::<pg_sys::Oid>(&oid).expect("a table").expect("its oid");
            assert!(SEEN.with_borrow(|seen| seen.contains(&oid)), "{table}");
        }
    }
}
