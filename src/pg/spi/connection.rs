//! Connections to SPI: statements, their arguments and rows, and kept plans.

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
    /// Set while tables of roles with fewer rights follow carrel's by foreign keys, as of the last look.
    static IS_FOLLOWED: Cell<bool> = const { Cell::new(false) };
}

/// Says whether tables of roles with fewer rights follow carrel's by foreign keys.
pub fn set_followed_by_others(is_followed: bool) {
    IS_FOLLOWED.set(is_followed);
}

fn is_followed_by_others() -> bool {
    IS_FOLLOWED.get()
}

/// Whether the SQL may write. Reading uses the snapshot of the calling statement and assigns no
/// transaction id, so that it works in READ ONLY transactions and on a standby.
#[derive(Clone, Copy, PartialEq)]
pub enum Access {
    Read,
    Write,
}

/// A connection to SPI, valid within the closure that it was given to.
pub struct Db {
    pub(super) access: Access,
    /// Set where statements run with rights that the caller does not have.
    is_elevated: bool,
}

/// Runs `work` with the caller's privileges and policies.
pub fn as_caller<T>(access: Access, work: impl FnOnce(&Db) -> Result<T>) -> Result<T> {
    connected(access, None, work)
}

/// Runs `work` as the owner, even where tables belong to others: for what reads catalogs alone.
pub fn as_owner_of_catalogs<T>(
    owner: pg_sys::Oid,
    access: Access,
    work: impl FnOnce(&Db) -> Result<T>,
) -> Result<T> {
    connected(access, Some(owner), work)
}

/// Runs `work` as a role, or as the caller where it is None.
pub(super) fn connected<T>(
    access: Access,
    role: Option<pg_sys::Oid>,
    work: impl FnOnce(&Db) -> Result<T>,
) -> Result<T> {
    // SAFETY: what fmgr does for SECURITY DEFINER and SET; user and settings are put back on every way
    // out. After an error SPI's connection is left to the abort of the (sub)transaction, which is
    // certain: errors are passed on, see `catch`.
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
        // Whatever was set meanwhile with the owner's rights ends here.
        pg_sys::AtEOXact_GUC(result.is_ok() && role.is_none(), settings);
        if let Some(role) = outer_role {
            caller::work_as(role);
        }
        caller::replace(outer);
        result
    }
}

/// Fails with 25006 in a READ ONLY transaction and on a standby, which refuses strong locks with another error.
pub fn need_writable(command: &CStr) -> Result<()> {
    let command = command.as_ptr();
    // SAFETY: a C string.
    catch(|| unsafe { PreventCommandIfReadOnly(command) })
}

/// An argument of a statement.
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
    /// A text that is a datum already.
    pub fn text(datum: pg_sys::Datum) -> Self {
        Self { oid: pg_sys::TEXTOID, datum: Some(datum) }
    }

    /// The place of a row, which has to stay there.
    pub fn tid(place: *mut pg_sys::ItemPointerData) -> Self {
        Self { oid: pg_sys::TIDOID, datum: Some(place.into()) }
    }

    /// The value, None where it is null.
    pub fn datum(&self) -> Option<pg_sys::Datum> {
        self.datum
    }
}

/// A row of a result.
pub struct Row {
    tuple: pg_sys::HeapTuple,
    desc: pg_sys::TupleDesc,
}

impl Row {
    /// The value of column `number` (from 1), or None where it is null.
    pub fn get<T: FromDatum>(&self, number: c_int) -> Option<T> {
        let mut is_null = false;
        // SAFETY: the tuple is of this description, and the type is the one that the statement
        // beside the caller selects.
        unsafe {
            let datum = SPI_getbinval(self.tuple, self.desc, number, &mut is_null);
            T::from_polymorphic_datum(datum, is_null, T_OID_UNUSED)
        }
    }

    /// The value of column `number`, which the statement says is never null.
    pub fn need<T: FromDatum>(&self, number: c_int) -> Result<T> {
        self.get(number).ok_or_else(|| null_column(number as usize))
    }
}

impl Row {
    /// The body of the tsvector in column `number`, which is never null. Memory that it was decompressed to is freed at once.
    pub fn need_vector(&self, number: c_int) -> Result<Vec<u8>> {
        let mut scratch = Scratch::new("carrel vector");
        scratch.during(|| self.need::<TsVector>(number).map(|vector| vector.to_body()))
    }
}

/// Conversions of carrel's own types don't look at the type's oid.
pub(super) const T_OID_UNUSED: pg_sys::Oid = pg_sys::InvalidOid;

impl Db {
    /// Runs a statement; returns how many rows it touched or gave.
    pub fn execute(&self, sql: &'static str, args: &[Arg]) -> Result<u64> {
        self.run(sql, args, |_| Ok(()))
    }

    /// Every row of a statement, as `read` takes it.
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

    /// The first row of a statement, if there is one.
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

    /// The first column of the first row of a statement that always has one.
    pub fn value<T: FromDatum>(&self, sql: &'static str, args: &[Arg]) -> Result<T> {
        self.first(sql, args, |row| row.need(1))?
            .ok_or_else(|| Error::new(SqlState::NoDataFound, "a query of carrel's own gave no row"))
    }

    /// Runs statements that are made at run time and used once: what migrate() executes.
    pub fn script(&self, sql: &str) -> Result<()> {
        let statement = c_string(sql)?;
        let text = statement.as_ptr();
        // SAFETY: connected, a C string.
        self.confined(sql, || check(catch(|| unsafe { SPI_execute(text, false, 0) })?))
    }

    /// Runs a statement so that code of others leaves nothing behind. Where tables of others follow carrel's by foreign keys,
    /// BEFORE triggers run as their owners in the midst of carrel's statements, and AFTER triggers with the statement's rights.
    ///
    /// Settings that they change end with the statement. What would run later, as somebody else, is refused by Postgres in a
    /// security-restricted operation: deferred triggers and cursors WITH HOLD. An INSERT reaches no such table, and may
    /// have deferred triggers of carrel's own.
    pub(super) fn confined<T>(&self, sql: &str, call: impl FnOnce() -> Result<T>) -> Result<T> {
        if !self.is_elevated {
            return call();
        }
        let is_harmless =
            ["select", "insert"].iter().any(|verb| without_comments(sql).starts_with(verb));
        // SAFETY: as Postgres does for index functions; user and settings are put back on every way out.
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

    /// Every row of a query that is made at run time and used once, as `read` takes it.
    pub fn rows_once<T>(
        &self,
        sql: &str,
        args: &[Arg],
        mut read: impl FnMut(&Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        let statement = c_string(sql)?;
        let mut types: Vec<pg_sys::Oid> = args.iter().map(|arg| arg.oid).collect();
        let (text, count, types) = (statement.as_ptr(), types.len() as c_int, types.as_mut_ptr());
        // SAFETY: connected, a C string, and as many types as it says; the plan goes with the connection.
        let plan = catch(|| unsafe { SPI_prepare(text, count, types) })?;
        if plan.is_null() {
            // SAFETY: the backend's own variable.
            check(unsafe { pg_sys::SPI_result })?;
        }
        let mut values = Vec::new();
        self.run_plan(sql, plan, args, |row| {
            values.push(read(row)?);
            Ok(())
        })?;
        Ok(values)
    }

    /// Makes a trigger's transition tables known by their names.
    pub fn register_trigger_data(&self, trigger: &PgTrigger) -> Result<()> {
        let data = std::ptr::from_ref(trigger.trigger_data()).cast_mut();
        // SAFETY: connected; the data of the trigger call that is being served.
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
        // Never a row limit: an INSERT … RETURNING that is stopped early fires no statement trigger.
        // SAFETY: connected, a kept plan, a value and a null flag for each of its parameters; the snapshot
        // is kept as long as the statement runs.
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
        // SAFETY: SPI's results, read at once, before anything else can run SQL and replace them.
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

/// The plan of a statement, made at its first use in this backend. Postgres plans it anew by itself
/// when tables, the role or policies change.
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
    // SAFETY: connected, a C string, and as many types as it says.
    let plan = catch(|| unsafe {
        let plan = SPI_prepare(text, count, types);
        if !plan.is_null() {
            SPI_keepplan(plan);
        }
        plan
    })
    .map_err(older_tables)?;
    if plan.is_null() {
        // SAFETY: the backend's own variable.
        return check(unsafe { pg_sys::SPI_result }).map(|()| plan);
    }
    PLANS.with_borrow_mut(|plans| plans.insert(sql, plan));
    Ok(plan)
}

/// A table or column that carrel's own SQL names is missing: the tables are not this version's.
fn older_tables(error: Error) -> Error {
    if error.is_of_missing_column() { missing_column(&error.message()) } else { error }
}

/// The same for a statement that was planned when its tables had all that it names.
pub(super) fn of_changed_tables(error: Error, sql: &str) -> Error {
    if error.is_in_statement(sql) { older_tables(error) } else { error }
}

/// Fails if schema carrel was renamed: carrel's own SQL names it.
fn refuse_other_schema(db: &Db) -> Result<()> {
    // SAFETY: a C string, looked up in the catalog's cache.
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

/// A column of one of carrel's own rows, or statements, is null where it never is.
pub fn null_column(number: usize) -> Error {
    Error::new(
        SqlState::ObjectNotInPrerequisiteState,
        format!("column {number} of a row of carrel's own is null"),
    )
    .hint("Run: select * from carrel.doctor()")
}

/// The tables are not this version's: they lack a column.
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
