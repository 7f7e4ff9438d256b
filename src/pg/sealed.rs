//! Id of a transaction, protected from SQL.
//!
//! The id is the value of a setting: Postgres reverts settings at the end of a transaction and in a rollback to a
//! savepoint, and passes them to parallel workers. The check hook accepts an id only from [`set`], or while a
//! parallel worker loads its leader's settings. It refuses SET, set_config(), ALTER ROLE, a function's SET
//! clause and values from the client's connection. Any role may clear the id, by SET or RESET.

use super::error::make_sqlstate;
use super::spi;
use pgrx::datum::Uuid;
use pgrx::pg_sys;
use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::null_mut;

/// Name and texts of the setting.
pub struct SealedSetting {
    pub name: &'static CStr,
    pub description: &'static CStr,
    pub details: &'static CStr,
    /// Message and hint of the error when SQL sets it.
    pub message: &'static CStr,
    pub hint: &'static CStr,
}

/// Storage of the setting, written by Postgres.
struct Storage(Cell<*mut c_char>);

// SAFETY: a backend has one thread.
unsafe impl Sync for Storage {}

static STORAGE: Storage = Storage(Cell::new(null_mut()));

thread_local! {
    /// The setting, once it is registered.
    static SETTING: Cell<Option<&'static SealedSetting>> = const { Cell::new(None) };
    /// Value of the setting.
    static VALUE: Cell<Option<Uuid>> = const { Cell::new(None) };
    /// True while [`set`] changes the setting.
    static IS_SETTING: Cell<bool> = const { Cell::new(false) };
}

/// Registers the setting. There is one in a backend.
pub fn register_setting(setting: &'static SealedSetting) {
    SETTING.set(Some(setting));
    let flags = pg_sys::GUC_NO_SHOW_ALL | pg_sys::GUC_NOT_IN_SAMPLE | pg_sys::GUC_DISALLOW_IN_FILE;
    // SAFETY: the C strings and the storage live as long as the backend; the hooks neither fail nor panic.
    // Any role may set a setting of this context, as a parallel worker must; the check hook decides.
    unsafe {
        pg_sys::DefineCustomStringVariable(
            setting.name.as_ptr(),
            setting.description.as_ptr(),
            setting.details.as_ptr(),
            STORAGE.0.as_ptr(),
            c"".as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            flags as i32,
            Some(check),
            Some(assign),
            None,
        );
    }
}

/// Id of this transaction, if any.
pub fn get() -> Option<Uuid> {
    VALUE.get()
}

/// Sets or clears the id until the transaction ends.
pub fn set(id: Option<Uuid>) {
    let Some(setting) = SETTING.get() else { return };
    struct SettingGuard;
    impl Drop for SettingGuard {
        fn drop(&mut self) {
            IS_SETTING.set(false);
        }
    }
    let value = match id {
        Some(id) => uuid::Uuid::from_bytes(*id.as_bytes()).to_string(),
        None => String::new(),
    };
    let value = CString::new(value).unwrap_or_default();
    let _guard = SettingGuard;
    IS_SETTING.set(true);
    spi::set_local(setting.name, &value);
}

unsafe extern "C-unwind" fn check(
    value: *mut *mut c_char,
    _: *mut *mut c_void,
    _: pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: Postgres passes a pointer to a C string or null; messages are static.
    unsafe {
        let value = *value;
        if value.is_null() || *value == 0 {
            return true;
        }
        if (IS_SETTING.get() || pg_sys::InitializingParallelWorker) && id_of(value).is_some() {
            return true;
        }
        pg_sys::GUC_check_errcode(make_sqlstate(b"42501"));
        if let Some(setting) = SETTING.get() {
            pg_sys::GUC_check_errmsg_string = setting.message.as_ptr().cast_mut();
            pg_sys::GUC_check_errhint_string = setting.hint.as_ptr().cast_mut();
        }
        false
    }
}

unsafe extern "C-unwind" fn assign(value: *const c_char, _: *mut c_void) {
    // SAFETY: a C string or null.
    VALUE.set(unsafe { id_of(value) });
}

/// Parses the id in a value of the setting.
///
/// # Safety
/// `value` is a C string or null.
unsafe fn id_of(value: *const c_char) -> Option<Uuid> {
    if value.is_null() {
        return None;
    }
    // SAFETY: guaranteed by the caller.
    let text = unsafe { CStr::from_ptr(value) }.to_str().ok()?;
    uuid::Uuid::try_parse(text).ok().map(|id| Uuid::from_bytes(*id.as_bytes()))
}
