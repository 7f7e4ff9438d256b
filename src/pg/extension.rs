//! State of CREATE EXTENSION.

use super::error::Result;
use pgrx::pg_sys;

/// Returns true if the extension's script is running.
pub fn is_in_script() -> bool {
    // SAFETY: reads a flag of the backend.
    unsafe { pg_sys::creating_extension }
}

/// Runs `work` as if no extension script were running. Created objects do not become members of the
/// extension. Grants are dumped like other grants instead of counting as the extension's initial privileges.
pub fn outside_of_script<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    // SAFETY: sets a flag of the backend. CREATE EXTENSION clears the flag when the script ends or fails, so
    // an error of `work` needs no reset.
    unsafe {
        let in_script = pg_sys::creating_extension;
        pg_sys::creating_extension = false;
        let value = work()?;
        pg_sys::creating_extension = in_script;
        Ok(value)
    }
}
