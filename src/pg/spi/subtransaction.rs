//! Subtransactions, as blocks with EXCEPTION in PL/pgSQL have them.

use crate::pg::error::{Result, catch, contain};
use crate::pg::ffi::{
    BeginInternalSubTransaction, ReleaseCurrentSubTransaction,
    RollbackAndReleaseCurrentSubTransaction,
};
use pgrx::pg_sys;

/// Runs `work` in a subtransaction, which is rolled back when `work` fails: then the error may be
/// kept instead of being passed on.
pub fn subtransaction<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    // SAFETY: what plpgsql does for a block with EXCEPTION.
    unsafe {
        let owner = pg_sys::CurrentResourceOwner;
        catch(|| BeginInternalSubTransaction(std::ptr::null()))?;
        let result = contain(work);
        if result.is_ok() {
            catch(|| ReleaseCurrentSubTransaction())?;
        } else {
            catch(|| RollbackAndReleaseCurrentSubTransaction())?;
        }
        pg_sys::CurrentResourceOwner = owner;
        result
    }
}
