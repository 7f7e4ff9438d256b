//! State of CREATE EXTENSION.

use super::error::Result;
use pgrx::pg_sys;

/// Tells whether the extension's script is running.
pub fn is_in_script() -> bool {
    // SAFETY: a flag of the backend's.
    unsafe { pg_sys::creating_extension }
}

/// Runs `work` as if no extension script were running: objects that it creates are no members of the extension, and
/// privileges that it grants are dumped like any other grant instead of counting as the extension's initial privileges.
pub fn outside_of_script<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    // SAFETY: a flag of the backend's. CREATE EXTENSION clears it when the script ends, and when it fails, so an error in
    // `work` leaves it as Postgres wants it.
    unsafe {
        let in_script = pg_sys::creating_extension;
        pg_sys::creating_extension = false;
        let value = work()?;
        pg_sys::creating_extension = in_script;
        Ok(value)
    }
}
