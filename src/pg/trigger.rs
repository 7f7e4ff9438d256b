//! Trigger functions: reading the rows, changing the new one in a single copy, and standing aside
//! while a dump is restored.

use crate::pg::error::{Error, Result, SqlState, catch, check_for_interrupts, contain, guard};
use crate::pg::ffi::{
    ExecDropSingleTupleTableSlot, MakeSingleTupleTableSlot, TTSOpsMinimalTuple, check_enable_rls,
    datum_image_eq, get_namespace_oid, slot_getsomeattrs_int, tuplestore_gettupleslot,
    tuplestore_rescan,
};
use crate::pg::ffi::{bms_next_member, get_attname};
use crate::pg::spi::{self, Arg, Db, PassingRow, missing_column};
use crate::pg::toast;
use crate::pg::values::{Numeric, OBJECT, json_kind, no_object};
use carrel_core::binary;
use pgrx::PgTupleDesc;
use pgrx::datum::FromDatum;
use pgrx::htup::heap_getattr_raw;
use pgrx::prelude::*;
use std::cell::Cell;
use std::cmp::Ordering;
use std::ffi::{CStr, c_int};
use std::fmt::Display;
use std::hash::Hasher;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;

/// What trigger functions give to Postgres. The error is never made: errors are thrown by `guard`.
pub type Returned<'a> =
    Result<Option<PgHeapTuple<'a, AllocatedByPostgres>>, std::convert::Infallible>;

/// Tells whether this session restores a dump: every script of pg_dump says `set row_security = off`. Derived data was dumped as
/// well, so triggers that derive must not do it again.
///
/// It counts only where the session itself set it, for whoever owns the database can plant it as a setting of the database; and
/// only for roles that policies do not hold for anyway: others can change the setting while a statement runs, past the error that
/// planning it in this mode would be. carrel's own work as the owner is never in it, but for [`as_in_a_restore`].
pub fn restoring() -> bool {
    if AS_IN_A_RESTORE.get() {
        return true;
    }
    // SAFETY: reads a setting, the state of the session and the catalog.
    unsafe {
        !pg_sys::row_security
            && spi::is_set_by_session(c"row_security")
            && pg_sys::has_bypassrls_privilege(pg_sys::GetUserId())
    }
}

thread_local! {
    static AS_IN_A_RESTORE: Cell<bool> = const { Cell::new(false) };
}

/// Does `work` with triggers that derive nothing, as while a dump is restored.
pub fn as_in_a_restore<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = AS_IN_A_RESTORE.replace(true);
    let result = contain(work);
    AS_IN_A_RESTORE.set(before);
    result
}

/// A row that a trigger was called for.
#[derive(Clone, Copy)]
pub struct Row {
    tuple: pg_sys::HeapTuple,
    desc: pg_sys::TupleDesc,
}

impl Row {
    /// The value of a column, None where it is null or the table has no such column.
    pub fn get<T: FromDatum>(&self, column: &CStr) -> Option<T> {
        let datum = self.datum(column)?;
        // SAFETY: T is the type of the column, as the table's definition says.
        unsafe { T::from_polymorphic_datum(datum, false, pg_sys::InvalidOid) }
    }

    /// The value of a column that is not null by its constraint.
    pub fn need<T: FromDatum>(&self, column: &CStr) -> Result<T> {
        self.get(column).ok_or_else(|| {
            let name = column.to_string_lossy();
            if self.number(column) <= 0 {
                return missing_column(&format!("there is no column {name}"));
            }
            Error::new(SqlState::NotNullViolation, format!("column {name} must not be null"))
        })
    }

    /// The value of a column as it is stored: a toast pointer where it is out of line.
    pub fn datum(&self, column: &CStr) -> Option<pg_sys::Datum> {
        let number = NonZeroUsize::new(usize::try_from(self.number(column)).ok()?)?;
        // SAFETY: a column of this tuple's description.
        unsafe { heap_getattr_raw(self.tuple, number, self.desc) }
    }

    /// Whether a row of documents that was written is still there as it was written.
    pub fn is_current(&self, db: &Db) -> Result<bool> {
        // SAFETY: a tuple that was written knows where.
        let place = Arg::tid(unsafe { &raw mut (*self.tuple).t_self });
        let sql = "select from carrel.documents where ctid = $1";
        Ok(db.execute(sql, &[place])? > 0)
    }

    /// Whether the table has a CHECK of this name.
    pub fn has_check(&self, name: &CStr) -> bool {
        // SAFETY: the description of a table, which has as many checks as it says, with their names.
        unsafe {
            let constraints = (*self.desc).constr;
            if constraints.is_null() || (*constraints).check.is_null() {
                return false;
            }
            let count = usize::from((*constraints).num_check);
            let checks = std::slice::from_raw_parts((*constraints).check, count);
            checks.iter().any(|check| CStr::from_ptr(check.ccname) == name)
        }
    }

    /// Whether a column of the table is not NOT NULL.
    fn may_be_null(&self, column: &CStr) -> bool {
        let number = usize::try_from(self.number(column)).unwrap_or_default();
        // SAFETY: the description of a tuple, which has a column of each number.
        let desc = unsafe { PgTupleDesc::from_pg_unchecked(self.desc) };
        number.checked_sub(1).and_then(|at| desc.get(at)).is_some_and(|column| !column.attnotnull)
    }

    fn number(&self, column: &CStr) -> c_int {
        // SAFETY: a C string and a tuple description; negative where there is no such column.
        unsafe { pg_sys::SPI_fnumber(self.desc, column.as_ptr()) }
    }
}

/// The rows of a trigger of INSERT or UPDATE, and what a BEFORE trigger sets in the new one.
pub struct Change {
    pub new: Row,
    pub old: Option<Row>,
    table: pg_sys::Oid,
    sets: Vec<(c_int, Arg)>,
    /// What [`Change::compress`] made.
    compressed: Option<pg_sys::Datum>,
}

impl Change {
    fn of(data: &pg_sys::TriggerData) -> Self {
        // SAFETY: a trigger is called with its relation open.
        let table = unsafe { (*data.tg_relation).rd_id };
        let (new, old) = (new_row(data), old_row(data));
        Self { new, old, table, sets: Vec::new(), compressed: None }
    }

    /// Whether the row is subject to the table's policies: not for its owner, nor for roles past them.
    pub fn is_under_policies(&self) -> Result<bool> {
        /// RLS_ENABLED of utils/rls.h.
        const ENABLED: c_int = 2;
        let table = self.table;
        // SAFETY: the oid of a table, and nobody: whoever asks.
        Ok(catch(|| unsafe { check_enable_rls(table, pg_sys::InvalidOid, true) })? == ENABLED)
    }

    /// Sets a column of the new row.
    pub fn set(&mut self, column: &CStr, value: impl Into<Arg>) {
        self.sets.push((self.new.number(column), value.into()));
    }

    /// Replaces a large text of the new row by the same compressed, as it is stored in any case: changing
    /// a row copies it. Columns that are not compressed by their definition stay as they are.
    pub fn compress(&mut self, column: &CStr) -> Result<()> {
        let (Some(value), number) = (self.new.datum(column), self.new.number(column)) else {
            return Ok(());
        };
        // SAFETY: the description of a tuple, and a column of it.
        let definition = unsafe {
            let desc = PgTupleDesc::from_pg_unchecked(self.new.desc);
            desc.get(number as usize - 1).map(|a| (a.attstorage, a.attcompression))
        };
        let Some((storage, method)) = definition else { return Ok(()) };
        if let Some(compressed) = toast::compress(value, storage, method)? {
            self.sets.push((number, Arg::text(compressed)));
            self.compressed = Some(compressed);
        }
        Ok(())
    }

    /// Refuses a row that gets a value of more bytes than a column may have: 54000. Of what is not too large no more than
    /// the size is read.
    pub fn need_at_most(&self, columns: &[(&CStr, usize)]) -> Result<()> {
        for (column, most) in columns {
            let Some(value) = self.new.datum(column) else { continue };
            let size = toast::raw_size(value) - pg_sys::VARHDRSZ;
            // One that a restore brought stays.
            if size > *most && self.changes(column)? {
                let column = column.to_string_lossy();
                return Err(Error::new(
                    SqlState::ProgramLimitExceeded,
                    format!("{column} has {size} bytes: it may have {most}"),
                ));
            }
        }
        Ok(())
    }

    /// Refuses a text that is new and blank: 22023. Null passes.
    pub fn need_text(&self, columns: &[&CStr]) -> Result<()> {
        for column in columns {
            let Some(value) = self.changed(column)? else { continue };
            // Most texts show something in their first bytes; a long one that does not is read.
            let is_blank = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().is_empty();
            if is_blank(toast::beginning(value, SHORT)?)
                && is_blank(toast::beginning(value, usize::MAX)?)
            {
                let name = column.to_string_lossy();
                let error = invalid(format!("{name} must not be empty"));
                return Err(match self.new.may_be_null(column) {
                    true => error.hint("Leave it null if there is none."),
                    false => error,
                });
            }
        }
        Ok(())
    }

    /// Refuses a jsonb that is new and no object: 22023. Null passes.
    pub fn need_object(&self, columns: &[&CStr]) -> Result<()> {
        for column in columns {
            let Some(value) = self.changed(column)? else { continue };
            let kind = json_kind(toast::beginning(value, SHORT)?);
            if kind != OBJECT {
                let column = column.to_string_lossy();
                return Err(no_object(&column, kind));
            }
        }
        Ok(())
    }

    /// Refuses a text that is new and none of those that are known: 22023. Null passes.
    pub fn need_one_of(&self, column: &CStr, known: &[&str]) -> Result<()> {
        match self.new.get::<&str>(column) {
            Some(value) if !known.contains(&value) && self.changes(column)? => {
                one_of(&column.to_string_lossy(), value, known)
            }
            _ => Ok(()),
        }
    }

    /// Refuses an integer that is new and not within the range: 22023. Null passes.
    pub fn need_within<T>(&self, column: &CStr, range: RangeInclusive<T>) -> Result<()>
    where
        T: FromDatum + PartialOrd + Display + Bounded,
    {
        let Some(value) = self.new.get::<T>(column) else { return Ok(()) };
        let is_new = self.old.is_none_or(|old| old.get::<T>(column).as_ref() != Some(&value));
        if range.contains(&value) || !is_new {
            return Ok(());
        }
        let (column, least, most) = (column.to_string_lossy(), range.start(), range.end());
        Err(invalid(match *most == T::MOST {
            true => format!("{column} must be from {least}: {value}"),
            false => {
                format!("{column} must be from {least} to {}: {value}", power(most.to_string()))
            }
        }))
    }

    /// Refuses a number that is new and not from 0 to 10^`most`: 22023. Null passes.
    pub fn need_amount(&self, column: &CStr, most: u32) -> Result<()> {
        let Some(value) = self.new.get::<Numeric>(column) else { return Ok(()) };
        let (least, most_value) = (Numeric::zero()?, Numeric::from_wide(10_i128.pow(most))?);
        // Not a number compares as the greatest.
        let is_within = value.compare(least)? != Ordering::Less
            && value.compare(most_value)? != Ordering::Greater;
        if is_within || !self.changes(column)? {
            return Ok(());
        }
        let shown: String = value.to_text()?.chars().take(40).collect();
        let column = column.to_string_lossy();
        Err(invalid(format!("{column} must be a number from 0 to 10^{most}: {shown}")))
    }

    /// Refuses a text that is new and the content of a binary file: 22023.
    pub fn need_no_binary(&self, column: &CStr) -> Result<()> {
        let Some(value) = self.changed(column)? else { return Ok(()) };
        let beginning = String::from_utf8_lossy(toast::beginning(value, binary::SAMPLE)?);
        match binary::sign(beginning.trim_end_matches(char::REPLACEMENT_CHARACTER)) {
            Some(sign) => {
                let column = column.to_string_lossy();
                Err(invalid(format!("{column} is the content of a binary file: {sign}")).hint(
                    "Store the text that is in the file. Until it is extracted, leave it null.",
                ))
            }
            None => Ok(()),
        }
    }

    /// The value of a column of variable length that is new, as it is stored. What a restore brought is not read again.
    fn changed(&self, column: &CStr) -> Result<Option<pg_sys::Datum>> {
        match self.new.datum(column) {
            Some(value) if self.changes(column)? => Ok(Some(value)),
            _ => Ok(None),
        }
    }

    /// Feeds a column's value of the new row to a hasher; see [`toast::hash`].
    pub fn hash(&self, column: &CStr, hasher: &mut impl Hasher) -> Result<()> {
        let number = self.new.number(column);
        let set = self.sets.iter().find(|(set, _)| *set == number);
        match set.map_or_else(|| self.new.datum(column), |(_, value)| value.datum()) {
            Some(value) => toast::hash(value, hasher),
            None => Ok(()),
        }
    }

    /// Whether a column of variable length of the new row differs from the old one's, byte for byte; true
    /// for INSERT.
    /// See [`toast::is_equal`].
    pub fn changes(&self, column: &CStr) -> Result<bool> {
        let Some(old) = self.old else { return Ok(true) };
        match (old.datum(column), self.new.datum(column)) {
            (None, None) => Ok(false),
            (Some(old), Some(new)) => Ok(!toast::is_equal(old, new)?),
            _ => Ok(true),
        }
    }

    /// Whether any of these columns differs.
    pub fn changes_any(&self, columns: &[&CStr]) -> Result<bool> {
        for column in columns {
            if self.changes(column)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A column other than these that differs, byte for byte; None also for INSERT.
    pub fn change_beyond(&self, columns: &[&CStr]) -> Result<Option<String>> {
        let Some(old) = self.old else { return Ok(None) };
        // SAFETY: the description of both tuples, with as many columns as it says.
        let desc = unsafe { PgTupleDesc::from_pg_unchecked(self.new.desc) };
        for column in desc.iter().filter(|column| !column.attisdropped) {
            // SAFETY: a name is a C string.
            let name = unsafe { CStr::from_ptr(column.attname.data.as_ptr()) };
            if columns.contains(&name) {
                continue;
            }
            let (by_value, length) = (column.attbyval, c_int::from(column.attlen));
            let is_same = match (old.datum(name), self.new.datum(name)) {
                (None, None) => true,
                (Some(old), Some(new)) => {
                    // SAFETY: two values of the column's type.
                    catch(|| unsafe { datum_image_eq(old, new, by_value, length) })?
                }
                _ => false,
            };
            if !is_same {
                return Ok(Some(name.to_string_lossy().into_owned()));
            }
        }
        Ok(None)
    }

    fn into_tuple(self) -> pg_sys::HeapTuple {
        if self.sets.is_empty() {
            return self.new.tuple;
        }
        let (mut columns, mut values, mut nulls) = (vec![], vec![], vec![]);
        for (number, value) in self.sets {
            columns.push(number);
            values.push(value.datum().unwrap_or(pg_sys::Datum::null()));
            nulls.push(value.datum().is_none());
        }
        // SAFETY: columns of this description, each once, with values of their types, which are copied;
        // what was compressed here is a copy of its own.
        unsafe {
            let tuple = pg_sys::heap_modify_tuple_by_cols(
                self.new.tuple,
                self.new.desc,
                columns.len() as c_int,
                columns.as_mut_ptr(),
                values.as_mut_ptr(),
                nulls.as_mut_ptr(),
            );
            if let Some(compressed) = self.compressed {
                pg_sys::pfree(compressed.cast_mut_ptr());
            }
            tuple
        }
    }
}

/// Bytes that decide for most values.
const SHORT: usize = 64;

fn invalid(message: String) -> Error {
    Error::new(SqlState::InvalidParameterValue, message)
}

/// A large power of ten as one: 10^15.
fn power(number: String) -> String {
    let zeros = number.len() - number.trim_end_matches('0').len();
    if zeros >= 9 && number.len() == zeros + 1 && number.starts_with('1') {
        return format!("10^{zeros}");
    }
    number
}

/// The largest value of an integer type.
pub trait Bounded {
    const MOST: Self;
}

impl Bounded for i32 {
    const MOST: Self = Self::MAX;
}

impl Bounded for i64 {
    const MOST: Self = Self::MAX;
}

/// Refuses a value that is none of those that are known: 22023.
pub fn one_of(name: &str, value: &str, known: &[&str]) -> Result<()> {
    if known.contains(&value) {
        return Ok(());
    }
    Err(invalid(format!("unknown {name} \"{value}\""))
        .hint(format!("Known: {}.", known.join(", "))))
}

/// The body of a BEFORE … FOR EACH ROW trigger of INSERT or UPDATE.
pub fn before_row<'a>(
    trigger: &'a PgTrigger<'a>,
    work: impl FnOnce(&mut Change) -> Result<()>,
) -> Returned<'a> {
    guard(|| {
        let data = trigger.trigger_data();
        require_own_table(data)?;
        let mut change = Change::of(data);
        work(&mut change)?;
        if change.sets.iter().any(|(number, _)| *number <= 0) {
            return Err(missing_column("a column that a trigger sets does not exist"));
        }
        Ok(Ok(Some(tuple(data, change.into_tuple()))))
    })
}

/// The body of an AFTER … FOR EACH ROW trigger of INSERT or UPDATE.
pub fn after_row<'a>(
    trigger: &'a PgTrigger<'a>,
    work: impl FnOnce(&Change) -> Result<()>,
) -> Returned<'a> {
    guard(|| {
        let data = trigger.trigger_data();
        require_own_table(data)?;
        work(&Change::of(data))?;
        Ok(Ok(None))
    })
}

/// The body of a BEFORE … FOR EACH ROW trigger that refuses or lets pass.
pub fn check_row<'a>(
    trigger: &'a PgTrigger<'a>,
    work: impl FnOnce(Option<Row>) -> Result<()>,
) -> Returned<'a> {
    guard(|| {
        let data = trigger.trigger_data();
        require_own_table(data)?;
        let statement = data.tg_event & pg_sys::TRIGGER_EVENT_ROW == 0;
        let row = (!statement).then(|| row(data, data.tg_trigtuple));
        work(row)?;
        Ok(Ok(row.map(|row| tuple(data, row.tuple))))
    })
}

/// The body of a … FOR EACH STATEMENT trigger.
pub fn statement<'a>(
    trigger: &'a PgTrigger<'a>,
    work: impl FnOnce() -> Result<()>,
) -> Returned<'a> {
    guard(|| {
        require_own_table(trigger.trigger_data())?;
        work()?;
        Ok(Ok(None))
    })
}

/// Error 42501 where carrel's trigger functions are called for another table than carrel's: whoever can create a table can
/// have a trigger call them.
fn require_own_table(data: &pg_sys::TriggerData) -> Result<()> {
    // SAFETY: a trigger is called with its relation open; a name, looked up in the catalog's cache.
    let (schema, carrel) = unsafe {
        let schema = (*(*data.tg_relation).rd_rel).relnamespace;
        (schema, catch(|| get_namespace_oid(c"carrel".as_ptr(), true))?)
    };
    if schema == carrel {
        return Ok(());
    }
    // Fails if it is the schema that is missing.
    spi::as_caller(spi::Access::Read, |_| Ok(()))?;
    // SAFETY: the open relation's name is a C string.
    let name = unsafe { CStr::from_ptr((*(*data.tg_relation).rd_rel).relname.data.as_ptr()) };
    Err(Error::new(
        SqlState::InsufficientPrivilege,
        format!(
            "carrel's trigger functions are for carrel's tables, and \"{}\" is none",
            name.to_string_lossy()
        ),
    ))
}

/// Calls `each` for every row that a statement inserted, or that an UPDATE made. Columns are those of the
/// table. The trigger has a transition table for them.
pub fn each_new(trigger: &PgTrigger, each: impl FnMut(&PassingRow) -> Result<()>) -> Result<()> {
    each_of(trigger, trigger.trigger_data().tg_newtable, each)
}

/// The same for every row that a statement deleted, or as it was before an UPDATE.
pub fn each_old(trigger: &PgTrigger, each: impl FnMut(&PassingRow) -> Result<()>) -> Result<()> {
    each_of(trigger, trigger.trigger_data().tg_oldtable, each)
}

fn each_of(
    trigger: &PgTrigger,
    rows: *mut pg_sys::Tuplestorestate,
    mut each: impl FnMut(&PassingRow) -> Result<()>,
) -> Result<()> {
    if rows.is_null() {
        return Ok(());
    }
    let data = trigger.trigger_data();
    // SAFETY: the transition table of this call, whose rows are read from their start, into a slot of
    // their kind that is dropped again; after an error it goes with the statement's memory.
    unsafe {
        let desc = (*data.tg_relation).rd_att;
        let slot = catch(|| {
            tuplestore_rescan(rows);
            MakeSingleTupleTableSlot(desc, &raw const TTSOpsMinimalTuple)
        })?;
        while catch(|| {
            let is_row = tuplestore_gettupleslot(rows, true, false, slot);
            if is_row {
                slot_getsomeattrs_int(slot, (*desc).natts);
            }
            is_row
        })? {
            check_for_interrupts();
            each(&PassingRow::of(slot))?;
        }
        catch(|| ExecDropSingleTupleTableSlot(slot))
    }
}

/// The type of a column of the trigger's table, if it has it.
pub fn type_of(data: &pg_sys::TriggerData, name: &CStr) -> Option<pg_sys::Oid> {
    // SAFETY: a trigger is called with its relation open.
    unsafe {
        let desc = (*data.tg_relation).rd_att;
        let number = pg_sys::SPI_fnumber(desc, name.as_ptr());
        (number > 0).then(|| pg_sys::SPI_gettypeid(desc, number))
    }
}

/// The number of a column of the trigger's table.
pub fn column(trigger: &PgTrigger, name: &CStr) -> Result<usize> {
    let data = trigger.trigger_data();
    // SAFETY: a trigger is called with its relation open.
    let number = unsafe { pg_sys::SPI_fnumber((*data.tg_relation).rd_att, name.as_ptr()) };
    usize::try_from(number)
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| missing_column(&format!("there is no column {}", name.to_string_lossy())))
}

/// Oid of the table that the trigger is on.
pub fn table(trigger: &PgTrigger) -> pg_sys::Oid {
    // SAFETY: a trigger is called with its relation open.
    unsafe { (*trigger.trigger_data().tg_relation).rd_id }
}

/// Name of the table that the trigger is on.
pub fn table_name(trigger: &PgTrigger) -> String {
    // SAFETY: a trigger is called with its relation open, whose name is a C string.
    let name = unsafe {
        CStr::from_ptr((*(*trigger.trigger_data().tg_relation).rd_rel).relname.data.as_ptr())
    };
    name.to_string_lossy().into_owned()
}

/// Names of the columns that an UPDATE assigns.
pub fn updated_columns(trigger: &PgTrigger) -> Result<Vec<String>> {
    let data = trigger.trigger_data();
    let mut columns = Vec::new();
    let mut member = -1;
    loop {
        let (set, last) = (data.tg_updatedcols, member);
        // SAFETY: the columns of this call, null where there are none.
        member = catch(|| unsafe { bms_next_member(set, last) })?;
        if member < 0 {
            return Ok(columns);
        }
        let number = member + pg_sys::FirstLowInvalidHeapAttributeNumber;
        // SAFETY: a column of the trigger's relation, which is open.
        let name =
            catch(|| unsafe { get_attname((*data.tg_relation).rd_id, number as i16, true) })?;
        if !name.is_null() {
            // SAFETY: a C string.
            columns.push(unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned());
        }
    }
}

/// Which of the TRIGGER_EVENT_… it was.
pub fn operation(trigger: &PgTrigger) -> u32 {
    trigger.trigger_data().tg_event & pg_sys::TRIGGER_EVENT_OPMASK
}

fn is_update(data: &pg_sys::TriggerData) -> bool {
    data.tg_event & pg_sys::TRIGGER_EVENT_OPMASK == pg_sys::TRIGGER_EVENT_UPDATE
}

fn new_row(data: &pg_sys::TriggerData) -> Row {
    row(data, if is_update(data) { data.tg_newtuple } else { data.tg_trigtuple })
}

fn old_row(data: &pg_sys::TriggerData) -> Option<Row> {
    is_update(data).then(|| row(data, data.tg_trigtuple))
}

fn row(data: &pg_sys::TriggerData, tuple: pg_sys::HeapTuple) -> Row {
    // SAFETY: a trigger is called with its relation open.
    Row { tuple, desc: unsafe { (*data.tg_relation).rd_att } }
}

fn tuple<'a>(
    data: &'a pg_sys::TriggerData,
    tuple: pg_sys::HeapTuple,
) -> PgHeapTuple<'a, AllocatedByPostgres> {
    // SAFETY: a tuple of the trigger's relation.
    unsafe {
        let desc = PgTupleDesc::from_pg_unchecked((*data.tg_relation).rd_att);
        PgHeapTuple::from_heap_tuple(desc, tuple)
    }
}
