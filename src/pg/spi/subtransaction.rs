//! Subtransactions, like those of PL/pgSQL's EXCEPTION blocks.

use crate::pg::error::{Result, catch, contain};
use crate::pg::ffi::{
    BeginInternalSubTransaction, ReleaseCurrentSubTransaction,
    RollbackAndReleaseCurrentSubTransaction,
};
use pgrx::pg_sys;

/// Runs `work` in a subtransaction and rolls it back if `work` fails. The caller may then handle the error.
pub fn subtransaction<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    // SAFETY: as PL/pgSQL does for a block with EXCEPTION.
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
