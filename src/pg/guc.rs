//! Settings (GUCs): read by name, and the source of their values.

use pgrx::pg_sys;
use std::ffi::CStr;

/// Calls `read` with the value of a setting. None if it is unset or empty: SET LOCAL leaves '' after COMMIT.
pub fn with_value<T>(name: &CStr, read: impl FnOnce(Option<&CStr>) -> T) -> T {
    // SAFETY: takes a C string; returns a C string, or null if the setting does not exist.
    let value = unsafe { pg_sys::GetConfigOption(name.as_ptr(), true, false) };
    if value.is_null() {
        return read(None);
    }
    // SAFETY: the value is valid until the setting changes; `read` does not change it.
    let value = unsafe { CStr::from_ptr(value) };
    read((!value.is_empty()).then_some(value))
}

/// Returns true if the setting has a value from postgresql.conf, the database, the role or the client's
/// connection.
pub fn has_default(name: &CStr) -> bool {
    find(name)
        .is_some_and(|setting| setting.reset_source > pg_sys::GucSource::PGC_S_DYNAMIC_DEFAULT)
}

/// Sets a value that the session cannot replace. Parallel workers inherit it.
pub fn override_value(name: &CStr, value: &CStr) {
    // SAFETY: C strings. A value from this source is not transactional and can be set in parallel mode.
    unsafe {
        pg_sys::set_config_option(
            name.as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_SUSET,
            pg_sys::GucSource::PGC_S_OVERRIDE,
            pg_sys::GucAction::GUC_ACTION_SAVE,
            true,
            0,
            false,
        );
    }
}

/// Reserves a prefix: undefined settings with this prefix are errors from now on.
pub fn reserve_prefix(prefix: &CStr) {
    // SAFETY: a C string, which Postgres copies.
    unsafe { pg_sys::MarkGUCPrefixReserved(prefix.as_ptr()) };
}

#[cfg(feature = "pg15")]
fn find(name: &CStr) -> Option<&'static pg_sys::config_generic> {
    // SAFETY: the backend's array of settings and its length; names are C strings.
    unsafe {
        let (settings, count) = (pg_sys::get_guc_variables(), pg_sys::GetNumConfigOptions());
        if settings.is_null() {
            return None;
        }
        let settings = std::slice::from_raw_parts(settings, count as usize);
        settings.iter().filter_map(|setting| setting.as_ref()).find(|setting| {
            CStr::from_ptr(setting.name).to_bytes().eq_ignore_ascii_case(name.to_bytes())
        })
    }
}

#[cfg(not(feature = "pg15"))]
fn find(name: &CStr) -> Option<&'static pg_sys::config_generic> {
    // SAFETY: takes a C string; returns null if the setting does not exist.
    unsafe { pg_sys::find_option(name.as_ptr(), false, true, 0).as_ref() }
}
