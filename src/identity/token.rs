//! Verified identity: the user of a signed token, kept for the transaction where SQL cannot write it.
//!
//! It is the setting `carrel.verified_user`, for Postgres reverts a setting at the end of a transaction and in a
//! rollback to a savepoint, and hands it to parallel workers. Its check hook accepts a user only from [`set`], or while
//! a parallel worker takes over the leader's settings; so SET, set_config(), ALTER ROLE, a function's SET clause and
//! what a client gives at connection are refused. Anybody may empty it, by SET or RESET: then there is no user.

use super::{claims, keys};
use crate::pg::error::{Error, Result, SqlState, make_sqlstate};
use crate::pg::spi;
use crate::pg::{backend, clock};
use pgrx::datum::Uuid;
use pgrx::pg_sys;
use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::null_mut;

const NAME: &CStr = c"carrel.verified_user";
/// What is seen of a statement that has a token in its text.
const HIDDEN: &CStr = c"select carrel.authenticate('…')";

/// Storage of the setting. Postgres writes it, and [`VERIFIED`] has its value.
struct Storage(Cell<*mut c_char>);

// SAFETY: a backend has one thread.
unsafe impl Sync for Storage {}

static STORAGE: Storage = Storage(Cell::new(null_mut()));

thread_local! {
    static VERIFIED: Cell<Option<Uuid>> = const { Cell::new(None) };
    /// Says that it is [`set`] who sets the setting.
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

/// The user of the verified token, if there is one in this transaction.
pub fn verified() -> Option<Uuid> {
    VERIFIED.get()
}

/// Verifies a token and keeps its user until the transaction ends; no token: no user.
pub fn authenticate(token: Option<&str>) -> Result<Option<Uuid>> {
    let Some(token) = token else {
        forget()?;
        return Ok(None);
    };
    backend::hide_statement(HIDDEN);
    // What a log line of an error would have of the statement has the token in it, where it is no parameter.
    let user = verify(token).map_err(Error::without_statement)?;
    set(&format!("{}", uuid::Uuid::from_bytes(*user.as_bytes())))?;
    Ok(Some(user))
}

/// Forgets the user.
pub fn forget() -> Result<()> {
    if verified().is_some() { set("") } else { Ok(()) }
}

fn verify(token: &str) -> Result<Uuid> {
    let now = keys::since_1970(clock::wall_micros());
    let claims = keys::with(|keys| carrel_core::jwt::verify(token, keys, now))?;
    let claims = claims.map_err(|error| {
        use carrel_core::jwt::JwtError;
        let refused = Error::new(SqlState::InvalidAuthorization, error.to_string());
        match error {
            JwtError::Expired { .. } => refused.hint("Refresh the token, or sign in again."),
            JwtError::Malformed(_) => refused
                .hint("Give the token as the issuer made it, without \"Bearer\": header.payload.signature."),
            _ => refused,
        }
    })?;
    claims::of_token(&claims)
}

fn set(user: &str) -> Result<()> {
    struct Ours;
    impl Drop for Ours {
        fn drop(&mut self) {
            IS_OURS.set(false);
        }
    }
    let value = CString::new(user).unwrap_or_default();
    let _ours = Ours;
    IS_OURS.set(true);
    spi::set_local(NAME, &value);
    Ok(())
}

unsafe extern "C-unwind" fn check(
    value: *mut *mut c_char,
    _: *mut *mut c_void,
    _: pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: Postgres gives a place with a C string or null; messages last.
    unsafe {
        let value = *value;
        if value.is_null() || *value == 0 {
            return true;
        }
        if (IS_OURS.get() || pg_sys::InitializingParallelWorker) && user_of(value).is_some() {
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
    VERIFIED.set(unsafe { user_of(value) });
}

/// # Safety
/// A C string or null.
unsafe fn user_of(value: *const c_char) -> Option<Uuid> {
    if value.is_null() {
        return None;
    }
    // SAFETY: as the caller says.
    let text = unsafe { CStr::from_ptr(value) }.to_str().ok()?;
    uuid::Uuid::try_parse(text).ok().map(|user| Uuid::from_bytes(*user.as_bytes()))
}
