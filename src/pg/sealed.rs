//! A user id that is kept for the transaction where SQL cannot write it.
//!
//! It is a setting, for Postgres reverts settings at the end of a transaction and in a rollback to a savepoint, and hands
//! them to parallel workers. Its check hook accepts an id only from [`set`], or while a parallel worker takes over the
//! leader's settings; so SET, set_config(), ALTER ROLE, a function's SET clause and a value that a client gives at connection
//! are refused. Anybody may empty it, by SET or RESET.

use super::error::make_sqlstate;
use super::spi;
use pgrx::datum::Uuid;
use pgrx::pg_sys;
use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::null_mut;

const NAME: &CStr = c"carrel.verified_user";

/// Storage of the setting, written by Postgres.
struct Storage(Cell<*mut c_char>);

// SAFETY: a backend has one thread.
unsafe impl Sync for Storage {}

static STORAGE: Storage = Storage(Cell::new(null_mut()));

thread_local! {
    /// Value of the setting.
    static VALUE: Cell<Option<Uuid>> = const { Cell::new(None) };
    /// True while [`set`] sets the setting.
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
}

/// Registers `carrel.verified_user`.
pub fn register_setting() {
    let flags = pg_sys::GUC_NO_SHOW_ALL | pg_sys::GUC_NOT_IN_SAMPLE | pg_sys::GUC_DISALLOW_IN_FILE;
    // SAFETY: C strings and storage that last as long as the backend; hooks that neither fail nor panic. By its
    // context anybody may set it, as a parallel worker does; the check hook decides.
    unsafe {
        pg_sys::DefineCustomStringVariable(
            NAME.as_ptr(),
            c"The user of the verified token.".as_ptr(),
            c"Only authenticate() sets it, for a transaction.".as_ptr(),
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

/// The id, if there is one in this transaction.
pub fn get() -> Option<Uuid> {
    VALUE.get()
}

/// Keeps an id, or none, until the transaction ends.
pub fn set(id: Option<Uuid>) {
    struct Ours;
    impl Drop for Ours {
        fn drop(&mut self) {
            IS_OURS.set(false);
        }
    }
    let value = match id {
        Some(id) => uuid::Uuid::from_bytes(*id.as_bytes()).to_string(),
        None => String::new(),
    };
    let value = CString::new(value).unwrap_or_default();
    let _ours = Ours;
    IS_OURS.set(true);
    spi::set_local(NAME, &value);
}

unsafe extern "C-unwind" fn check(
    value: *mut *mut c_char,
    _: *mut *mut c_void,
    _: pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: Postgres gives a pointer to a C string or null; messages last.
    unsafe {
        let value = *value;
        if value.is_null() || *value == 0 {
            return true;
        }
        if (IS_OURS.get() || pg_sys::InitializingParallelWorker) && id_of(value).is_some() {
            return true;
        }
        pg_sys::GUC_check_errcode(make_sqlstate(b"42501"));
        pg_sys::GUC_check_errmsg_string = c"carrel.verified_user cannot be set".as_ptr().cast_mut();
        pg_sys::GUC_check_errhint_string =
            c"Call carrel.authenticate() with the user's token.".as_ptr().cast_mut();
        false
    }
}

unsafe extern "C-unwind" fn assign(value: *const c_char, _: *mut c_void) {
    // SAFETY: a C string or null.
    VALUE.set(unsafe { id_of(value) });
}

/// # Safety
/// A C string or null.
unsafe fn id_of(value: *const c_char) -> Option<Uuid> {
    if value.is_null() {
        return None;
    }
    // SAFETY: as the caller says.
    let text = unsafe { CStr::from_ptr(value) }.to_str().ok()?;
    uuid::Uuid::try_parse(text).ok().map(|id| Uuid::from_bytes(*id.as_bytes()))
}
