//! Settings pinned while carrel's SQL runs.

use crate::pg::error::{Result, contain};
use crate::pg::xact;
use pgrx::pg_sys;
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString};

/// Sets a setting until the current nest level ends, as a superuser's function with a SET clause does.
pub fn pin(name: &CStr, value: &CStr) {
    set(name, value, pg_sys::GucContext::PGC_SUSET, pg_sys::GucAction::GUC_ACTION_SAVE);
}

/// Pins the planner's settings. Plans outlive the caller's settings, because a backend keeps them and may
/// serve other callers.
pub(super) fn pin_planner() {
    macro_rules! pin_unless {
        ($($setting:ident == $value:literal),* $(,)?) => {
            $(
                // SAFETY: reads a setting of the backend.
                if unsafe { pg_sys::$setting } != $value {
                    pin_text(concat!(stringify!($setting), "\0"), concat!($value, "\0"));
                }
            )*
        };
    }
    // carrel's statements read few rows, whatever the planner estimates. With JIT, they would be compiled at
    // each execution.
    // SAFETY: reads a setting of the backend.
    if unsafe { pg_sys::jit_enabled } {
        pin(c"jit", c"off");
    }
    pin_unless!(
        seq_page_cost == 1.0,
        random_page_cost == 4.0,
        cpu_tuple_cost == 0.01,
        cpu_index_tuple_cost == 0.005,
        cpu_operator_cost == 0.0025,
        enable_seqscan == true,
        enable_indexscan == true,
        enable_indexonlyscan == true,
        enable_bitmapscan == true,
        enable_tidscan == true,
        enable_sort == true,
        enable_hashagg == true,
        enable_nestloop == true,
        enable_mergejoin == true,
        enable_hashjoin == true,
        enable_material == true,
    );
}

fn pin_text(name: &str, value: &str) {
    if let (Ok(name), Ok(value)) =
        (CStr::from_bytes_with_nul(name.as_bytes()), CStr::from_bytes_with_nul(value.as_bytes()))
    {
        pin(name, value);
    }
}

/// Runs `work` with these settings.
pub(super) fn with_settings<T>(
    settings: &[(&CStr, &CStr)],
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    if settings.is_empty() {
        return work();
    }
    // SAFETY: settings are restored on each path.
    unsafe {
        let level = pg_sys::NewGUCNestLevel();
        for (name, value) in settings {
            pin(name, value);
        }
        let result = contain(work);
        pg_sys::AtEOXact_GUC(result.is_ok(), level);
        result
    }
}

/// Runs SET LOCAL with the caller's rights.
pub fn set_local(name: &CStr, value: &CStr) {
    set(name, value, pg_sys::GucContext::PGC_USERSET, pg_sys::GucAction::GUC_ACTION_LOCAL);
}

fn set(
    name: &CStr,
    value: &CStr,
    context: pg_sys::GucContext::Type,
    action: pg_sys::GucAction::Type,
) {
    // SAFETY: C strings, which Postgres copies.
    unsafe {
        pg_sys::set_config_option(
            name.as_ptr(),
            value.as_ptr(),
            context,
            pg_sys::GucSource::PGC_S_SESSION,
            action,
            true,
            0,
            false,
        );
    }
}

/// Returns true if the session itself set the setting, as opposed to the database, role or client.
pub fn is_set_by_session(name: &CStr) -> bool {
    // SAFETY: an entry of the server's list.
    find_setting(name)
        .is_some_and(|setting| unsafe { (*setting).source } == pg_sys::GucSource::PGC_S_SESSION)
}

/// Role that was current when the value of a setting was set; None if nothing set it.
pub fn role_that_set(name: &CStr) -> Option<pg_sys::Oid> {
    // SAFETY: an entry of the server's list.
    find_setting(name).map(|setting| unsafe { (*setting).srole })
}

/// Entry of a setting in the server's list. Entries of built-in settings, and of settings that no library
/// defines, stay where they are.
fn find_setting(name: &CStr) -> Option<*const pg_sys::config_generic> {
    thread_local! {
        static KNOWN: RefCell<Vec<(CString, *const pg_sys::config_generic)>> = const { RefCell::new(Vec::new()) };
    }
    let known = KNOWN.with_borrow(|known| {
        known.iter().find(|(known, _)| known.as_c_str() == name).map(|(_, setting)| *setting)
    });
    if known.is_some() {
        return known;
    }
    // SAFETY: the server's list of named settings.
    let found = unsafe {
        let mut count = 0;
        #[cfg(feature = "pg15")]
        let settings = {
            count += pg_sys::GetNumConfigOptions();
            pg_sys::get_guc_variables()
        };
        #[cfg(not(feature = "pg15"))]
        let settings = pg_sys::get_guc_variables(&mut count);
        (0..count as usize)
            .map(|index| *settings.add(index))
            .find(|setting| CStr::from_ptr((**setting).name) == name)?
            .cast_const()
    };
    KNOWN.with_borrow_mut(|known| known.push((name.to_owned(), found)));
    Some(found)
}

thread_local! {
    static IS_LATEST: Cell<bool> = const { Cell::new(false) };
}

/// Returns true if each statement uses a new snapshot instead of the transaction's.
pub(super) fn is_latest() -> bool {
    IS_LATEST.get() && xact::is_repeatable()
}

/// Runs `work` with a new snapshot for each statement, also in REPEATABLE READ and SERIALIZABLE.
pub(super) fn during_latest<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = IS_LATEST.replace(true);
    let result = contain(work);
    IS_LATEST.set(before);
    result
}
