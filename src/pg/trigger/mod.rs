//! Trigger functions: bodies of triggers, their rows, and detection of a restore.

mod change;
mod checks;

use crate::pg::error::{Error, Result, SqlState, catch, check_for_interrupts, contain, guard};
use crate::pg::ffi::{
    ExecDropSingleTupleTableSlot, MakeSingleTupleTableSlot, TTSOpsMinimalTuple, bms_next_member,
    get_attname, get_namespace_oid, slot_getsomeattrs_int, tuplestore_gettupleslot,
    tuplestore_rescan,
};
use crate::pg::owner;
use crate::pg::roles;
use crate::pg::spi::{self, PassingRow, missing_column};
use pgrx::PgTupleDesc;
use pgrx::prelude::*;
use std::cell::Cell;
use std::ffi::CStr;

pub use change::{Change, TriggerRow};
pub use checks::{one_of, unknown_value};

/// Return type of trigger functions. The error never occurs: `guard` throws errors.
pub type Returned<'a> =
    Result<Option<PgHeapTuple<'a, AllocatedByPostgres>>, std::convert::Infallible>;

/// Returns true if this session restores a dump: each script of pg_dump runs `set row_security = off`.
/// Derived data is part of the dump, so triggers must not derive it again.
///
/// The setting counts only if the session itself set it: the owner of the database could set it for the
/// database. It counts only if both the current role and the session's user may do everything with the tables
/// anyway, as superusers or members of their owner. BYPASSRLS is not enough: such a role may read and write all
/// rows, but not what carrel derives or forbids. carrel's own work as the owner never counts as a restore,
/// except in [`as_in_a_restore`].
pub fn restoring() -> Result<bool> {
    if AS_IN_A_RESTORE.get() {
        return Ok(true);
    }
    // SAFETY: reads a setting.
    if unsafe { pg_sys::row_security } || !spi::is_set_by_session(c"row_security") {
        return Ok(false);
    }
    let Some(owner) = owner::find()? else { return roles::has_superuser(roles::current()) };
    Ok(roles::has_privileges_of(roles::current(), owner)?
        && roles::can_become(roles::of_login(), owner)?)
}

thread_local! {
    static AS_IN_A_RESTORE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` with triggers that derive nothing, as during a restore.
pub fn as_in_a_restore<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = AS_IN_A_RESTORE.replace(true);
    let result = contain(work);
    AS_IN_A_RESTORE.set(before);
    result
}

/// Runs the body of a BEFORE … FOR EACH ROW trigger of INSERT or UPDATE.
pub fn before_row<'a>(
    trigger: &'a PgTrigger<'a>,
    work: impl FnOnce(&mut Change) -> Result<()>,
) -> Returned<'a> {
    guard(|| {
        let data = trigger.trigger_data();
        require_own_table(data)?;
        let mut row = change(data);
        work(&mut row)?;
        if row.sets_missing_column() {
            return Err(missing_column("a column that a trigger sets does not exist"));
        }
        Ok(Ok(Some(tuple(data, row.into_tuple()))))
    })
}

/// Runs the body of an AFTER … FOR EACH ROW trigger of INSERT or UPDATE.
pub fn after_row<'a>(
    trigger: &'a PgTrigger<'a>,
    work: impl FnOnce(&Change) -> Result<()>,
) -> Returned<'a> {
    guard(|| {
        let data = trigger.trigger_data();
        require_own_table(data)?;
        work(&change(data))?;
        Ok(Ok(None))
    })
}

/// Runs the body of a BEFORE … FOR EACH ROW trigger that fails or changes nothing.
pub fn check_row<'a>(
    trigger: &'a PgTrigger<'a>,
    work: impl FnOnce(Option<TriggerRow>) -> Result<()>,
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

/// Runs the body of a FOR EACH STATEMENT trigger.
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

/// Fails with 42501 if a trigger function is called for a table outside schema carrel. Any role that can
/// create a table can attach the function to it.
fn require_own_table(data: &pg_sys::TriggerData) -> Result<()> {
    // SAFETY: a trigger's relation is open; the name is looked up in the catalog cache.
    let (schema, carrel) = unsafe {
        let schema = (*(*data.tg_relation).rd_rel).relnamespace;
        (schema, catch(|| get_namespace_oid(c"carrel".as_ptr(), true))?)
    };
    if schema == carrel {
        return Ok(());
    }
    // Fails with its own error if the schema is missing.
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

/// Calls `each` for each row that the statement inserted, or for the new version of each row that it updated.
/// Needs a transition table of new rows. Columns are the table's.
pub fn each_new(trigger: &PgTrigger, each: impl FnMut(&PassingRow) -> Result<()>) -> Result<()> {
    each_of(trigger, trigger.trigger_data().tg_newtable, each)
}

/// Calls `each` for each row that the statement deleted, or for the old version of each row that it updated.
/// Needs a transition table of old rows.
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
    // SAFETY: the transition table of this call is read from its start. The slot fits its tuples and is
    // dropped below; after an error, it is freed with the statement's memory.
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

/// Type of a column of the trigger's table, if the table has the column.
pub fn type_of(data: &pg_sys::TriggerData, name: &CStr) -> Option<pg_sys::Oid> {
    // SAFETY: a trigger's relation is open.
    unsafe {
        let desc = (*data.tg_relation).rd_att;
        let number = pg_sys::SPI_fnumber(desc, name.as_ptr());
        (number > 0).then(|| pg_sys::SPI_gettypeid(desc, number))
    }
}

/// Number of a column of the trigger's table.
pub fn column(trigger: &PgTrigger, name: &CStr) -> Result<usize> {
    let data = trigger.trigger_data();
    // SAFETY: a trigger's relation is open.
    let number = unsafe { pg_sys::SPI_fnumber((*data.tg_relation).rd_att, name.as_ptr()) };
    usize::try_from(number)
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| missing_column(&format!("there is no column {}", name.to_string_lossy())))
}

/// Oid of the table that the trigger is on.
pub fn table(trigger: &PgTrigger) -> pg_sys::Oid {
    // SAFETY: a trigger's relation is open.
    unsafe { (*trigger.trigger_data().tg_relation).rd_id }
}

/// Name of the table that the trigger is on.
pub fn table_name(trigger: &PgTrigger) -> String {
    // SAFETY: a trigger's relation is open, and its name is a C string.
    let name = unsafe {
        CStr::from_ptr((*(*trigger.trigger_data().tg_relation).rd_rel).relname.data.as_ptr())
    };
    name.to_string_lossy().into_owned()
}

/// Names of the columns in the SET list of an UPDATE.
pub fn updated_columns(trigger: &PgTrigger) -> Result<Vec<String>> {
    let data = trigger.trigger_data();
    let mut columns = Vec::new();
    let mut member = -1;
    loop {
        let (set, last) = (data.tg_updatedcols, member);
        // SAFETY: the bitmap of updated columns, null if there are none.
        member = catch(|| unsafe { bms_next_member(set, last) })?;
        if member < 0 {
            return Ok(columns);
        }
        let number = member + pg_sys::FirstLowInvalidHeapAttributeNumber;
        // SAFETY: the column belongs to the trigger's relation, which is open.
        let name =
            catch(|| unsafe { get_attname((*data.tg_relation).rd_id, number as i16, true) })?;
        if !name.is_null() {
            // SAFETY: a C string.
            columns.push(unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned());
        }
    }
}

/// Operation of the trigger: a TRIGGER_EVENT_… constant.
pub fn operation(trigger: &PgTrigger) -> u32 {
    trigger.trigger_data().tg_event & pg_sys::TRIGGER_EVENT_OPMASK
}

fn is_update(data: &pg_sys::TriggerData) -> bool {
    data.tg_event & pg_sys::TRIGGER_EVENT_OPMASK == pg_sys::TRIGGER_EVENT_UPDATE
}

fn change(data: &pg_sys::TriggerData) -> Change {
    // SAFETY: a trigger's relation is open.
    let table = unsafe { (*data.tg_relation).rd_id };
    Change::new(table, new_row(data), old_row(data))
}

fn new_row(data: &pg_sys::TriggerData) -> TriggerRow {
    row(data, if is_update(data) { data.tg_newtuple } else { data.tg_trigtuple })
}

fn old_row(data: &pg_sys::TriggerData) -> Option<TriggerRow> {
    is_update(data).then(|| row(data, data.tg_trigtuple))
}

fn row(data: &pg_sys::TriggerData, tuple: pg_sys::HeapTuple) -> TriggerRow {
    // SAFETY: a trigger's relation is open.
    TriggerRow { tuple, desc: unsafe { (*data.tg_relation).rd_att } }
}

fn tuple<'a>(
    data: &'a pg_sys::TriggerData,
    tuple: pg_sys::HeapTuple,
) -> PgHeapTuple<'a, AllocatedByPostgres> {
    // SAFETY: the tuple belongs to the trigger's relation.
    unsafe {
        let desc = PgTupleDesc::from_pg_unchecked((*data.tg_relation).rd_att);
        PgHeapTuple::from_heap_tuple(desc, tuple)
    }
}
