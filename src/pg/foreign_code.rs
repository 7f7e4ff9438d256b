//! Protection from code of less privileged roles.
//!
//! carrel runs statements as the owner of its tables, and a few as a superuser. Triggers, defaults, checks,
//! index expressions, casts and operators that other roles attached to the tables would run with those
//! rights. Postgres calls a hook before each function that is not built in. The hook refuses functions of
//! roles that are neither superusers nor the owner: error 42501 names function and role. SECURITY DEFINER
//! functions run as their own owners and are allowed. Functions in C are trusted: only superusers can create
//! them.
//!
//! Two more hooks run when a query is planned and when it starts. They confine queries of third roles: checks
//! and actions of foreign keys between carrel's tables and those of other roles run as the owners of these
//! tables. Nothing that they leave behind runs later with more rights, see [`restrict_third_role`].
//!
//! The first hook also makes an operator's triggers behave alike in carrel's functions and in plain
//! statements: they run as the role that called carrel, with its search_path, unless the trigger function
//! sets its own.

use super::{roles, xact};
use crate::pg::error::{Error, Result, SqlState, catch, guard};
use crate::pg::ffi::{
    GetUserNameFromId, ReleaseSysCache, SearchSysCache1, SysCacheGetAttr, deconstruct_array,
    format_procedure, pg_detoast_datum, pg_detoast_datum_packed, standard_ExecutorStart,
    standard_planner,
};
use crate::pg::owner;
use crate::pg::spi;
use crate::pg::spi::caller::{self, Caller};
use pgrx::pg_sys;
use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int};

/// Hooks of libraries that were loaded earlier.
static mut NEXT_IS_NEEDED: pg_sys::needs_fmgr_hook_type = None;
static mut NEXT_CALL: pg_sys::fmgr_hook_type = None;
static mut NEXT_START: pg_sys::ExecutorStart_hook_type = None;
static mut NEXT_PLANNER: pg_sys::planner_hook_type = None;

thread_local! {
    /// State to restore when operators' trigger functions return, innermost last.
    static SUSPENDED: RefCell<Vec<Suspended>> = const { RefCell::new(Vec::new()) };
}

/// State in which carrel called an operator's trigger function.
struct Suspended {
    function: pg_sys::Oid,
    /// Role and security context, if the function runs as another role.
    user: Option<(pg_sys::Oid, c_int)>,
    /// Nest level of settings, if carrel set the function's search_path.
    settings: Option<c_int>,
    caller: Option<Caller>,
}

/// Installs the hooks. Called once, when the library is loaded.
pub fn install() {
    // SAFETY: a backend has one thread; Postgres provides these variables for hooks.
    unsafe {
        NEXT_IS_NEEDED = pg_sys::needs_fmgr_hook;
        NEXT_CALL = pg_sys::fmgr_hook;
        pg_sys::needs_fmgr_hook = Some(is_needed);
        pg_sys::fmgr_hook = Some(call);
        NEXT_START = pg_sys::ExecutorStart_hook;
        pg_sys::ExecutorStart_hook = Some(start_query);
        NEXT_PLANNER = pg_sys::planner_hook;
        pg_sys::planner_hook = Some(plan_query);
    }
}

/// Oids of the languages internal and c, equal in all clusters.
const NATIVE: [u32; 2] = [12, 13];

/// Properties of a function from pg_proc.
#[derive(Clone, Copy)]
struct Function {
    owner: pg_sys::Oid,
    is_native: bool,
    is_trigger: bool,
    is_security_definer: bool,
    has_settings: bool,
    sets_search_path: bool,
}

impl Function {
    fn find(oid: pg_sys::Oid) -> Result<Option<Self>> {
        let cache = pg_sys::SysCacheIdentifier::PROCOID as c_int;
        // SAFETY: a row of the catalog cache, released after reading.
        catch(|| unsafe {
            let tuple = SearchSysCache1(cache, oid.into());
            if tuple.is_null() {
                return None;
            }
            let data = (*tuple).t_data;
            let row = data.byte_add((*data).t_hoff.into()).cast::<pg_sys::FormData_pg_proc>();
            let mut has_none = false;
            let number = pg_sys::Anum_pg_proc_proconfig as pg_sys::AttrNumber;
            let settings = SysCacheGetAttr(cache, tuple, number, &mut has_none);
            let function = Self {
                owner: (*row).proowner,
                is_native: NATIVE.contains(&(*row).prolang.to_u32()),
                is_trigger: (*row).prorettype == pg_sys::TRIGGEROID,
                is_security_definer: (*row).prosecdef,
                has_settings: !has_none,
                sets_search_path: !has_none && sets_search_path(settings),
            };
            ReleaseSysCache(tuple);
            Some(function)
        })
    }
}

/// Returns true if a role is a superuser or carrel's owner.
fn is_trusted(role: pg_sys::Oid) -> Result<bool> {
    if Some(role) == owner::find()? {
        return Ok(true);
    }
    roles::has_superuser(role)
}

/// Returns true if `proconfig` of pg_proc sets search_path.
///
/// # Safety
/// `settings` is an array of text without nulls. Call within [`catch`].
unsafe fn sets_search_path(settings: pg_sys::Datum) -> bool {
    // SAFETY: guaranteed by the caller; text elements are aligned like int.
    unsafe {
        let (mut elements, mut count) = (std::ptr::null_mut(), 0);
        let array = pg_detoast_datum(settings.cast_mut_ptr());
        deconstruct_array(
            array.cast(),
            pg_sys::TEXTOID,
            -1,
            false,
            pg_sys::TYPALIGN_INT as c_char,
            &mut elements,
            std::ptr::null_mut(),
            &mut count,
        );
        (0..count as usize).any(|index| {
            let text = pg_detoast_datum_packed((*elements.add(index)).cast_mut_ptr());
            let start = pgrx::vardata_any(text).cast::<u8>();
            let bytes = std::slice::from_raw_parts(start, pgrx::varsize_any_exhdr(text));
            bytes.starts_with(b"search_path=")
        })
    }
}

/// Returns true if the current statement runs with rights that its caller does not have.
fn is_elevated() -> Result<bool> {
    let user = roles::current();
    let owner = match owner::known() {
        pg_sys::InvalidOid => owner::find()?,
        known => Some(known),
    };
    Ok(Some(user) == owner || spi::is_superuser_work(user))
}

/// Treatment of a function call.
enum Treatment {
    /// The call proceeds unchanged.
    None,
    /// The call is refused: the function belongs to a less privileged role.
    Refuse(Function),
    /// The function runs as its owner in a security-restricted operation.
    Restrict,
    /// The function runs as the role that called carrel, with its search_path.
    RunAsCaller(Function, Caller),
}

fn treatment(oid: pg_sys::Oid) -> Result<Treatment> {
    if !xact::is_active() {
        return Ok(Treatment::None);
    }
    let (is_elevated, caller) = (is_elevated()?, caller::current());
    if !is_elevated && caller.is_none() {
        return Ok(Treatment::None);
    }
    let Some(function) = Function::find(oid)?.filter(|function| !function.is_native) else {
        return Ok(Treatment::None);
    };
    Ok(match caller {
        _ if is_elevated && !is_trusted(function.owner)? => Treatment::Refuse(function),
        Some(_) if function.is_security_definer && !is_trusted(function.owner)? => {
            Treatment::Restrict
        }
        // A trigger on a third role's table runs as that role, restricted.
        Some(caller) if function.is_trigger && !is_third_role(caller)? => {
            Treatment::RunAsCaller(function, caller)
        }
        _ => Treatment::None,
    })
}

/// Returns true if the current role neither called carrel nor is trusted.
fn is_third_role(caller: Caller) -> Result<bool> {
    let user = roles::current();
    Ok(user != caller.user && !is_trusted(user)?)
}

/// Hook: tells Postgres if calls of a function must go through the call hook.
unsafe extern "C-unwind" fn is_needed(function: pg_sys::Oid) -> bool {
    // SAFETY: calls another library's hook as Postgres would.
    if unsafe { NEXT_IS_NEEDED }.is_some_and(|next| unsafe { next(function) }) {
        return true;
    }
    // The role of a SECURITY DEFINER function is known only at the call, which decides.
    guard(|| Ok(!matches!(treatment(function)?, Treatment::None)))
}

/// Hook: called before and after calls of functions that [`is_needed`] selected.
unsafe extern "C-unwind" fn call(
    event: pg_sys::FmgrHookEventType::Type,
    function: *mut pg_sys::FmgrInfo,
    private: *mut pg_sys::Datum,
) {
    // SAFETY: Postgres passes the function's description.
    let oid = unsafe { (*function).fn_oid };
    if event == pg_sys::FmgrHookEventType::FHET_START {
        guard(|| begin(oid));
    } else {
        end(oid, event == pg_sys::FmgrHookEventType::FHET_END);
    }
    // SAFETY: calls another library's hook as Postgres would.
    unsafe {
        if let Some(next) = NEXT_CALL {
            next(event, function, private);
        }
    }
}

/// Hook: called when a query is planned, which evaluates functions of constants.
unsafe extern "C-unwind" fn plan_query(
    query: *mut pg_sys::Query,
    text: *const c_char,
    options: c_int,
    arguments: pg_sys::ParamListInfo,
) -> *mut pg_sys::PlannedStmt {
    // SAFETY: Postgres passes the query to plan.
    guard(|| restrict_third_role(unsafe { (*query).rtable }));
    // SAFETY: calls another library's hook or the standard function as Postgres would.
    unsafe {
        match NEXT_PLANNER {
            Some(next) => next(query, text, options, arguments),
            None => standard_planner(query, text, options, arguments),
        }
    }
}

/// Hook: called when a query starts.
unsafe extern "C-unwind" fn start_query(query: *mut pg_sys::QueryDesc, flags: c_int) {
    // SAFETY: Postgres passes the query with its plan.
    guard(|| restrict_third_role(unsafe { (*(*query).plannedstmt).rtable }));
    // SAFETY: calls another library's hook or the standard function as Postgres would.
    unsafe {
        match NEXT_START {
            Some(next) => next(query, flags),
            None => standard_ExecutorStart(query, flags),
        }
    }
}

/// Makes the rest of the current query a security-restricted operation if it runs as a third role: one that
/// is not trusted and did not begin the session's or carrel's work. Such a role owns a table that a foreign
/// key connects with one of carrel's. Postgres then refuses deferred triggers and cursors WITH HOLD, which
/// would run later and as another role.
fn restrict_third_role(tables: *mut pg_sys::List) -> Result<()> {
    let is_third = match caller::current() {
        Some(caller) => is_third_role(caller)?,
        None => {
            let user = roles::current();
            roles::is_of_foreign_key()
                && user != roles::of_session()
                && !is_trusted(user)?
                && are_connected(tables)?
        }
    };
    if is_third {
        roles::restrict();
    }
    Ok(())
}

/// Returns true if foreign keys connect one of these tables with one of carrel's.
fn are_connected(tables: *mut pg_sys::List) -> Result<bool> {
    // SAFETY: the range table of a query or a plan.
    let tables = unsafe { pgrx::PgList::<pg_sys::RangeTblEntry>::from_pg(tables) };
    for table in tables.iter_ptr() {
        // SAFETY: an entry of the list; its relid is 0 if it is not a table.
        if owner::is_connected(unsafe { (*table).relid })? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn begin(oid: pg_sys::Oid) -> Result<()> {
    let (function, caller) = match treatment(oid)? {
        Treatment::None => return Ok(()),
        // Postgres restores the role and its security context when the function returns.
        Treatment::Restrict => {
            roles::restrict();
            return Ok(());
        }
        Treatment::Refuse(function) => return Err(refusal(oid, function)),
        Treatment::RunAsCaller(function, caller) => (function, caller),
    };
    let mut suspended =
        Suspended { function: oid, user: None, settings: None, caller: caller::replace(None) };
    // SAFETY: as Postgres does for SECURITY DEFINER and SET. [`end`], or the end of the (sub)transaction,
    // restores the state.
    unsafe {
        if !function.is_security_definer && is_elevated()? {
            let (mut user, mut context) = (pg_sys::InvalidOid, 0);
            pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
            pg_sys::SetUserIdAndSecContext(caller.user, caller.context);
            suspended.user = Some((user, context));
        }
        if !function.sets_search_path {
            // Postgres opens a nest level for a function with settings, and closes it before it calls the
            // hook again.
            if !function.has_settings {
                suspended.settings = Some(pg_sys::NewGUCNestLevel());
            }
            spi::pin(c"search_path", CStr::from_ptr(caller.search_path));
        }
    }
    SUSPENDED.with_borrow_mut(|all| all.push(suspended));
    Ok(())
}

/// Restores the state that [`begin`] changed. After an error, the (sub)transaction's abort restores role and
/// settings.
fn end(oid: pg_sys::Oid, is_success: bool) {
    let Some(suspended) =
        SUSPENDED.with_borrow_mut(|all| all.pop_if(|suspended| suspended.function == oid))
    else {
        return;
    };
    caller::replace(suspended.caller);
    if !is_success {
        return;
    }
    // SAFETY: restores the state from before the call.
    unsafe {
        if let Some(level) = suspended.settings {
            pg_sys::AtEOXact_GUC(true, level);
        }
        if let Some((user, context)) = suspended.user {
            pg_sys::SetUserIdAndSecContext(user, context);
        }
    }
}

fn refusal(oid: pg_sys::Oid, function: Function) -> Error {
    // SAFETY: looks up oids in the catalog cache.
    let names =
        catch(|| unsafe { (format_procedure(oid), GetUserNameFromId(function.owner, true)) });
    let (signature, role) = match names {
        Ok(names) => names,
        Err(error) => return error,
    };
    // SAFETY: C strings from Postgres; the role's name is null if the role does not exist.
    let (signature, role) = unsafe {
        let role = if role.is_null() { c"" } else { CStr::from_ptr(role) };
        (CStr::from_ptr(signature).to_string_lossy(), role.to_string_lossy())
    };
    Error::new(
        SqlState::InsufficientPrivilege,
        format!("carrel does not run function {signature} of role \"{role}\" with more rights than that role has"),
    )
    .detail("A trigger, default, check, index, cast or operator calls it where carrel works as the owner of its tables.")
    .hint("Declare it SECURITY DEFINER, so that it runs as its owner, or have a superuser own it; carrel.doctor() names what was added to carrel's tables.")
}
