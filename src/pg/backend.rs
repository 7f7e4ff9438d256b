//! This backend: its number, counters and reported activity.

use super::error::{Result, catch};
use super::ffi::Async_Notify;
use pgrx::pg_sys;
use std::ffi::CStr;

/// Number of this backend, reused by new backends after it exits.
pub fn slot() -> i32 {
    // SAFETY: reads a variable of the backend.
    unsafe {
        #[cfg(any(feature = "pg15", feature = "pg16"))]
        return pg_sys::MyBackendId;
        #[cfg(not(any(feature = "pg15", feature = "pg16")))]
        return pg_sys::MyProcNumber;
    }
}

/// Pages that this backend has read so far, from shared buffers and from files.
pub fn pages_read() -> i64 {
    // SAFETY: reads counters of the backend.
    unsafe { pg_sys::pgBufferUsage.shared_blks_hit + pg_sys::pgBufferUsage.shared_blks_read }
}

/// Sends a notification without a payload when the transaction commits.
pub fn notify(channel: &CStr) -> Result<()> {
    let channel = channel.as_ptr();
    // SAFETY: two C strings, which Postgres copies.
    catch(|| unsafe { Async_Notify(channel, c"".as_ptr()) })
}

/// Replaces the text of the current statement in pg_stat_activity and in log lines of errors and durations.
pub fn hide_statement(text: &'static CStr) {
    // SAFETY: the statement's text is null or a C string; its replacement is static.
    unsafe {
        if pg_sys::debug_query_string.is_null() {
            return;
        }
        pg_sys::debug_query_string = text.as_ptr();
        pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_RUNNING, text.as_ptr());
    }
}

/// Returns true if this is a parallel worker that already has its leader's settings.
pub fn is_started_worker() -> bool {
    // SAFETY: reads the state of a parallel worker.
    unsafe { pg_sys::ParallelWorkerNumber >= 0 && !pg_sys::InitializingParallelWorker }
}
