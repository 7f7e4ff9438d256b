//! Settings that are pinned while carrel's own SQL runs.

use crate::pg::error::{Result, contain};
use crate::pg::xact;
use pgrx::pg_sys;
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString};

/// Sets a setting until the current nest level of settings ends, as a superuser's function with a SET clause does.
pub fn pin(name: &CStr, value: &CStr) {
    set(name, value, pg_sys::GucContext::PGC_SUSET, pg_sys::GucAction::GUC_ACTION_SAVE);
}

/// Has statements planned alike, whatever the caller set: plans are kept for the life of the backend,
/// which may serve others.
pub(super) fn pin_planner() {
    macro_rules! pin_unless {
        ($($setting:ident == $value:literal),* $(,)?) => {
            $(
                // SAFETY: a setting of the backend's.
                if unsafe { pg_sys::$setting } != $value {
                    pin_text(concat!(stringify!($setting), "\0"), concat!($value, "\0"));
                }
            )*
        };
    }
    // A statement of carrel's own reads few rows, whatever the planner takes many rows to cost: it would be compiled
    // at each of its executions.
    // SAFETY: a setting of the backend's.
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

/// Does `work` with these settings.
pub(super) fn with_settings<T>(
    settings: &[(&CStr, &CStr)],
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    if settings.is_empty() {
        return work();
    }
    // SAFETY: settings are put back on every way out.
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

/// SET LOCAL, by the caller.
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

/// Tells whether the session itself set a setting, rather than its database, role or client.
pub fn is_set_by_session(name: &CStr) -> bool {
    thread_local! {
        static KNOWN: RefCell<Vec<(CString, *const pg_sys::config_generic)>> = const { RefCell::new(Vec::new()) };
    }
    let known = KNOWN.with_borrow(|known| {
        known.iter().find(|(known, _)| known.as_c_str() == name).map(|(_, setting)| *setting)
    });
    // SAFETY: Postgres' list of its settings, each with a name, which built-in ones keep their place in memory.
    unsafe {
        let setting = known.unwrap_or_else(|| {
            let mut count = 0;
            #[cfg(feature = "pg15")]
            let settings = {
                count += pg_sys::GetNumConfigOptions();
                pg_sys::get_guc_variables()
            };
            #[cfg(not(feature = "pg15"))]
            let settings = pg_sys::get_guc_variables(&mut count);
            let found = (0..count as usize)
                .map(|place| *settings.add(place))
                .find(|setting| CStr::from_ptr((**setting).name) == name)
                .unwrap_or(std::ptr::null_mut())
                .cast_const();
            KNOWN.with_borrow_mut(|known| known.push((name.to_owned(), found)));
            found
        });
        !setting.is_null() && (*setting).source == pg_sys::GucSource::PGC_S_SESSION
    }
}

thread_local! {
    static IS_LATEST: Cell<bool> = const { Cell::new(false) };
}

/// Whether statements see what is committed when they begin, past the transaction's own snapshot.
pub(super) fn is_latest() -> bool {
    IS_LATEST.get() && xact::is_repeatable()
}

/// Does `work` with statements that see what is committed when each begins, where `is_latest`.
pub(super) fn during_latest<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = IS_LATEST.replace(true);
    let result = contain(work);
    IS_LATEST.set(before);
    result
}
