//! Settings (GUCs): reading any by name, and where a value came from.

use pgrx::pg_sys;
use std::ffi::CStr;

/// Calls `read` with the value of a setting; None where it is unset or empty: SET LOCAL leaves '' behind after COMMIT.
pub fn with_value<T>(name: &CStr, read: impl FnOnce(Option<&CStr>) -> T) -> T {
    // SAFETY: a C string in, and out, or null where the setting is missing.
    let value = unsafe { pg_sys::GetConfigOption(name.as_ptr(), true, false) };
    if value.is_null() {
        return read(None);
    }
    // SAFETY: valid until the setting changes; `read` reads.
    let value = unsafe { CStr::from_ptr(value) };
    read((!value.is_empty()).then_some(value))
}

/// Tells whether a setting has a value from below the session: of the server's file, the database, the role, or the client's
/// connection.
pub fn has_default(name: &CStr) -> bool {
    find(name)
        .is_some_and(|setting| setting.reset_source > pg_sys::GucSource::PGC_S_DYNAMIC_DEFAULT)
}

/// Gives a setting a value that no session replaces. Parallel workers get it too.
pub fn override_value(name: &CStr, value: &CStr) {
    // SAFETY: C strings; a value that is given below the session is no part of the transaction, and may be set in parallel
    // mode by this action.
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

/// Makes a setting with this prefix that the library does not define an error from here on.
pub fn reserve_prefix(prefix: &CStr) {
    // SAFETY: a C string, which is copied.
    unsafe { pg_sys::MarkGUCPrefixReserved(prefix.as_ptr()) };
}

#[cfg(feature = "pg15")]
fn find(name: &CStr) -> Option<&'static pg_sys::config_generic> {
    // SAFETY: the backend's array of settings, of that many; their names are C strings.
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
    // SAFETY: a C string; gives null where there is no such setting.
    unsafe { pg_sys::find_option(name.as_ptr(), false, true, 0).as_ref() }
}
