//! Connections to SPI: statements, arguments, rows, and kept plans.

use super::caller;
use super::pins::{is_latest, pin, pin_planner};
use crate::pg::error::{Error, Result, SqlState, catch, contain};
use crate::pg::ffi::{
    GetLatestSnapshot, PreventCommandIfReadOnly, RegisterSnapshot, SPI_connect, SPI_execute,
    SPI_execute_plan, SPI_execute_snapshot, SPI_finish, SPI_getbinval, SPI_keepplan, SPI_prepare,
    SPI_register_trigger_data, UnregisterSnapshot, get_namespace_oid,
};
use crate::pg::roles;
use crate::pg::scratch::Scratch;
use crate::pg::values::TsVector;
use pgrx::datum::{FromDatum, IntoDatum};
use pgrx::{PgTrigger, pg_sys};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_int};

thread_local! {
    /// True if tables of less privileged roles reference carrel's tables, as of the last check.
    static IS_FOLLOWED: Cell<bool> = const { Cell::new(false) };
}

/// Records if tables of less privileged roles reference carrel's tables.
pub fn set_followed_by_others(is_followed: bool) {
    IS_FOLLOWED.set(is_followed);
}

fn is_followed_by_others() -> bool {
    IS_FOLLOWED.get()
}

/// Permission to write. Reads use the snapshot of the calling statement and assign no transaction id, so they
/// work in READ ONLY transactions and on a standby.
#[derive(Clone, Copy, PartialEq)]
pub enum Access {
    Read,
    Write,
}

/// Connection to SPI, valid inside the closure that receives it.
pub struct Db {
    pub(super) access: Access,
    /// True if statements run with rights that the caller does not have.
    is_elevated: bool,
}

/// Runs `work` with the caller's privileges and policies.
pub fn as_caller<T>(access: Access, work: impl FnOnce(&Db) -> Result<T>) -> Result<T> {
    connected(access, None, work)
}

/// Runs `work` as the owner without checking who owns carrel's tables. `work` may only read catalogs.
pub fn as_owner_of_catalogs<T>(
    owner: pg_sys::Oid,
    access: Access,
    work: impl FnOnce(&Db) -> Result<T>,
) -> Result<T> {
    connected(access, Some(owner), work)
}

/// Runs `work` as a role, or as the caller if `role` is None.
pub(super) fn connected<T>(
    access: Access,
    role: Option<pg_sys::Oid>,
    work: impl FnOnce(&Db) -> Result<T>,
) -> Result<T> {
    // SAFETY: as fmgr does for SECURITY DEFINER and SET. User and settings are restored on each path. After
    // an error, the abort of the (sub)transaction closes SPI's connection; the abort is certain, because
    // errors are passed on (see `catch`).
    unsafe {
        let mut user = pg_sys::InvalidOid;
        let mut context = 0;
        pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
        let outer = caller::enter(user, context);
        let outer_role = role.map(caller::work_as);
        let settings = pg_sys::NewGUCNestLevel();
        pin(c"search_path", c"pg_catalog, pg_temp");
        if pg_sys::quote_all_identifiers {
            pin(c"quote_all_identifiers", c"off");
        }
        pin_planner();
        if let Some(role) = role {
            if !pg_sys::row_security {
                pin(c"row_security", c"on");
            }
            let local = context | pg_sys::SECURITY_LOCAL_USERID_CHANGE as c_int;
            pg_sys::SetUserIdAndSecContext(role, local);
        }
        let result = catch(|| SPI_connect()).and_then(|_| {
            let value = contain(|| {
                let db = Db { access, is_elevated: role.is_some() };
                refuse_other_schema(&db)?;
                work(&db)
            })?;
            catch(|| SPI_finish())?;
            Ok(value)
        });
        pg_sys::SetUserIdAndSecContext(user, context);
        // Settings that were changed with the owner's rights end here.
        pg_sys::AtEOXact_GUC(result.is_ok() && role.is_none(), settings);
        if let Some(role) = outer_role {
            caller::work_as(role);
        }
        caller::replace(outer);
        result
    }
}

/// Fails with 25006 in a READ ONLY transaction and on a standby. A standby would refuse a strong lock with
/// another error.
pub fn need_writable(command: &CStr) -> Result<()> {
    let command = command.as_ptr();
    // SAFETY: a C string.
    catch(|| unsafe { PreventCommandIfReadOnly(command) })
}

/// Argument of a statement.
#[derive(Clone, Copy)]
pub struct Arg {
    pub(super) oid: pg_sys::Oid,
    pub(super) datum: Option<pg_sys::Datum>,
}

impl<T: IntoDatum> From<T> for Arg {
    fn from(value: T) -> Self {
        Self { oid: T::type_oid(), datum: value.into_datum() }
    }
}

impl Arg {
    /// Text argument from a datum.
    pub fn text(datum: pg_sys::Datum) -> Self {
        Self { oid: pg_sys::TEXTOID, datum: Some(datum) }
    }

    /// Tid argument. The pointed-to tid must outlive the statement.
    pub fn tid(tid: *mut pg_sys::ItemPointerData) -> Self {
        Self { oid: pg_sys::TIDOID, datum: Some(tid.into()) }
    }

    /// Value; None if null.
    pub fn datum(&self) -> Option<pg_sys::Datum> {
        self.datum
    }
}

/// Row of a result.
pub struct Row {
    tuple: pg_sys::HeapTuple,
    desc: pg_sys::TupleDesc,
}

impl Row {
    /// Value of column `number`, counted from 1; None if null.
    pub fn get<T: FromDatum>(&self, number: c_int) -> Option<T> {
        let mut is_null = false;
        // SAFETY: the tuple has this tuple descriptor, and the caller's statement selects this type.
        unsafe {
            let datum = SPI_getbinval(self.tuple, self.desc, number, &mut is_null);
            T::from_polymorphic_datum(datum, is_null, T_OID_UNUSED)
        }
    }

    /// Value of column `number`, which the statement never returns as null.
    pub fn need<T: FromDatum>(&self, number: c_int) -> Result<T> {
        self.get(number).ok_or_else(|| null_column(number as usize))
    }
}

impl Row {
    /// Body of the tsvector in column `number`, which is never null. Frees memory used to decompress it.
    pub fn need_vector(&self, number: c_int) -> Result<Vec<u8>> {
        let mut scratch = Scratch::new("carrel vector");
        scratch.during(|| self.need::<TsVector>(number).map(|vector| vector.to_body()))
    }
}

/// Placeholder for the oid of a type: conversions of carrel's types ignore it.
pub(super) const T_OID_UNUSED: pg_sys::Oid = pg_sys::InvalidOid;

impl Db {
    /// Runs a statement. Returns the number of rows that it affected or returned.
    pub fn execute(&self, sql: &'static str, args: &[Arg]) -> Result<u64> {
        self.run(sql, args, |_| Ok(()))
    }

    /// Runs a statement and collects its rows, converted by `read`.
    pub fn rows<T>(
        &self,
        sql: &'static str,
        args: &[Arg],
        mut read: impl FnMut(&Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut values = Vec::new();
        self.run(sql, args, |row| {
            values.push(read(row)?);
            Ok(())
        })?;
        Ok(values)
    }

    /// Returns the first row of a statement, if any.
    pub fn first<T>(
        &self,
        sql: &'static str,
        args: &[Arg],
        read: impl Fn(&Row) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut value = None;
        self.run(sql, args, |row| {
            if value.is_none() {
                value = Some(read(row)?);
            }
            Ok(())
        })?;
        Ok(value)
    }

    /// Returns the first column of the first row of a statement that always has a row.
    pub fn value<T: FromDatum>(&self, sql: &'static str, args: &[Arg]) -> Result<T> {
        self.first(sql, args, |row| row.need(1))?
            .ok_or_else(|| Error::new(SqlState::NoDataFound, "a query of carrel's own gave no row"))
    }

    /// Runs statements that are built at run time and used once, such as those of migrate().
    pub fn script(&self, sql: &str) -> Result<()> {
        let statement = c_string(sql)?;
        let text = statement.as_ptr();
        // SAFETY: SPI is connected; a C string.
        self.confined(sql, || check(catch(|| unsafe { SPI_execute(text, false, 0) })?))
    }

    /// Runs a statement so that code of other roles leaves nothing behind. If tables of other roles reference
    /// carrel's, their BEFORE triggers run as their owners during carrel's statements, and their AFTER
    /// triggers with the statement's rights.
    ///
    /// Changed settings end with the statement. Postgres refuses deferred triggers and cursors WITH HOLD in a
    /// security-restricted operation: they would run later, as another role. An INSERT reaches no referencing
    /// table, and may need carrel's own deferred triggers.
    pub(super) fn confined<T>(&self, sql: &str, call: impl FnOnce() -> Result<T>) -> Result<T> {
        if !self.is_elevated {
            return call();
        }
        let is_harmless =
            ["select", "insert"].iter().any(|verb| without_comments(sql).starts_with(verb));
        // SAFETY: as Postgres does for index functions; user and settings are put back on each path.
        unsafe {
            let (mut user, mut context) = (pg_sys::InvalidOid, 0);
            pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
            let level = pg_sys::NewGUCNestLevel();
            if !is_harmless && is_followed_by_others() {
                roles::restrict();
            }
            let result = contain(call);
            pg_sys::SetUserIdAndSecContext(user, context);
            pg_sys::AtEOXact_GUC(false, level);
            result
        }
    }

    /// Runs a query that is built at run time and used once, and collects its rows, converted by `read`.
    pub fn rows_once<T>(
        &self,
        sql: &str,
        args: &[Arg],
        mut read: impl FnMut(&Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        let statement = c_string(sql)?;
        let mut types: Vec<pg_sys::Oid> = args.iter().map(|arg| arg.oid).collect();
        let (text, count, types) = (statement.as_ptr(), types.len() as c_int, types.as_mut_ptr());
        // SAFETY: SPI is connected; a C string, and `count` types. The plan is freed with the connection.
        let plan = catch(|| unsafe { SPI_prepare(text, count, types) })?;
        if plan.is_null() {
            // SAFETY: reads a variable of the backend.
            check(unsafe { pg_sys::SPI_result })?;
        }
        let mut values = Vec::new();
        self.run_plan(sql, plan, args, |row| {
            values.push(read(row)?);
            Ok(())
        })?;
        Ok(values)
    }

    /// Registers a trigger's transition tables under their names.
    pub fn register_trigger_data(&self, trigger: &PgTrigger) -> Result<()> {
        let data = std::ptr::from_ref(trigger.trigger_data()).cast_mut();
        // SAFETY: SPI is connected; the data belongs to the current trigger call.
        check(catch(|| unsafe { SPI_register_trigger_data(data) })?)
    }

    fn run(
        &self,
        sql: &'static str,
        args: &[Arg],
        each: impl FnMut(&Row) -> Result<()>,
    ) -> Result<u64> {
        self.run_plan(sql, plan(sql, args)?, args, each)
    }

    fn run_plan(
        &self,
        sql: &str,
        plan: pg_sys::SPIPlanPtr,
        args: &[Arg],
        mut each: impl FnMut(&Row) -> Result<()>,
    ) -> Result<u64> {
        let values: Vec<pg_sys::Datum> =
            args.iter().map(|arg| arg.datum.unwrap_or(pg_sys::Datum::null())).collect();
        let nulls: Vec<c_char> = args
            .iter()
            .map(|arg| if arg.datum.is_some() { b' ' } else { b'n' } as c_char)
            .collect();
        let (values, nulls) = (values.as_ptr(), nulls.as_ptr());
        let read_only = self.access == Access::Read;
        // No row limit: an INSERT … RETURNING that stops early fires no statement triggers.
        // SAFETY: SPI is connected; a kept plan, with a value and a null flag for each parameter. The
        // snapshot is registered while the statement runs.
        let run = || unsafe {
            if !is_latest() {
                return SPI_execute_plan(plan, values, nulls, read_only, 0);
            }
            let latest = RegisterSnapshot(GetLatestSnapshot());
            let none = std::ptr::null_mut();
            let code = SPI_execute_snapshot(plan, values, nulls, latest, none, read_only, true, 0);
            UnregisterSnapshot(latest);
            code
        };
        self.confined(sql, || check(catch(run).map_err(|error| of_changed_tables(error, sql))?))?;
        // SAFETY: SPI's results are copied out before other SQL can replace them.
        unsafe {
            let processed = pg_sys::SPI_processed;
            let table = pg_sys::SPI_tuptable;
            if !table.is_null() {
                for i in 0..(*table).numvals as usize {
                    let tuple = *(*table).vals.add(i);
                    each(&Row { tuple, desc: (*table).tupdesc })?;
                }
                pg_sys::SPI_freetuptable(table);
            }
            Ok(processed)
        }
    }
}

/// Returns a statement without the comment lines at its head.
fn without_comments(sql: &str) -> &str {
    let mut rest = sql.trim_start();
    while rest.starts_with("--") {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
    }
    rest
}

/// Plan of a statement, prepared at its first use in this backend. Postgres replans it when tables, the role
/// or policies change.
pub(super) fn plan(sql: &'static str, args: &[Arg]) -> Result<pg_sys::SPIPlanPtr> {
    thread_local! {
        static PLANS: RefCell<HashMap<&'static str, pg_sys::SPIPlanPtr>> = RefCell::default();
    }
    if let Some(plan) = PLANS.with_borrow(|plans| plans.get(sql).copied()) {
        return Ok(plan);
    }
    let text = c_string(sql)?;
    let mut types: Vec<pg_sys::Oid> = args.iter().map(|arg| arg.oid).collect();
    let (text, count, types) = (text.as_ptr(), types.len() as c_int, types.as_mut_ptr());
    // SAFETY: SPI is connected; a C string, and `count` types.
    let plan = catch(|| unsafe {
        let plan = SPI_prepare(text, count, types);
        if !plan.is_null() {
            SPI_keepplan(plan);
        }
        plan
    })
    .map_err(older_tables)?;
    if plan.is_null() {
        // SAFETY: reads a variable of the backend.
        return check(unsafe { pg_sys::SPI_result }).map(|()| plan);
    }
    PLANS.with_borrow_mut(|plans| plans.insert(sql, plan));
    Ok(plan)
}

/// Replaces an error about a missing table or column: carrel's tables are of another version.
fn older_tables(error: Error) -> Error {
    if error.is_of_missing_column() { missing_column(&error.message()) } else { error }
}

/// Replaces such an error of a statement whose plan was made before its tables changed.
pub(super) fn of_changed_tables(error: Error, sql: &str) -> Error {
    if error.is_in_statement(sql) { older_tables(error) } else { error }
}

/// Fails with 55000 if schema carrel was renamed: carrel's SQL contains its name.
fn refuse_other_schema(db: &Db) -> Result<()> {
    // SAFETY: looks up a C string in the catalog cache.
    if catch(|| unsafe { get_namespace_oid(c"carrel".as_ptr(), true) })? != pg_sys::InvalidOid {
        return Ok(());
    }
    let schema: Option<(String, String)> = db.first(
        "select nspname::text, quote_ident(nspname) from pg_extension
        join pg_namespace on pg_namespace.oid = extnamespace where extname = 'carrel'",
        &[],
        |row| Ok((row.need(1)?, row.need(2)?)),
    )?;
    let state = SqlState::ObjectNotInPrerequisiteState;
    Err(match schema {
        Some((name, quoted)) => {
            Error::new(state, format!("schema carrel was renamed to \"{name}\""))
                .hint(format!("Run: alter schema {quoted} rename to carrel"))
        }
        None => Error::new(state, "there is no schema carrel"),
    })
}

/// Error for a null in a column that is never null.
pub fn null_column(number: usize) -> Error {
    Error::new(
        SqlState::ObjectNotInPrerequisiteState,
        format!("column {number} of a row of carrel's own is null"),
    )
    .hint("Run: select * from carrel.doctor()")
}

/// Error for a missing table or column: the tables are of another version.
pub fn missing_column(what: &str) -> Error {
    Error::new(
        SqlState::ObjectNotInPrerequisiteState,
        "carrel's tables are not as this version needs them",
    )
    .detail(format!("The library is version {}; {what}.", env!("CARGO_PKG_VERSION")))
    .hint("Run: select carrel.migrate(). It names a column that was renamed.")
}

pub(super) fn check(code: c_int) -> Result<()> {
    if code >= 0 {
        return Ok(());
    }
    Err(Error::new(
        SqlState::ObjectNotInPrerequisiteState,
        format!("SPI refused a statement of carrel's own (code {code})"),
    ))
}

fn c_string(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| {
        Error::new(SqlState::InvalidParameterValue, "a statement contains a zero byte")
    })
}
