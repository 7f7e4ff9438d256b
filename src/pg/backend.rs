//! This backend: its number, its counters, and what it shows of itself.

use super::error::{Result, catch};
use super::ffi::Async_Notify;
use pgrx::pg_sys;
use std::ffi::CStr;

/// Number of this backend among those that are connected. A new backend takes the number of one that is gone.
pub fn slot() -> i32 {
    // SAFETY: the backend's own number.
    unsafe {
        #[cfg(any(feature = "pg15", feature = "pg16"))]
        return pg_sys::MyBackendId;
        #[cfg(not(any(feature = "pg15", feature = "pg16")))]
        return pg_sys::MyProcNumber;
    }
}

/// Pages that this backend has read so far, from shared memory and from files.
pub fn pages_read() -> i64 {
    // SAFETY: the backend's own counters.
    unsafe { pg_sys::pgBufferUsage.shared_blks_hit + pg_sys::pgBufferUsage.shared_blks_read }
}

/// Sends a notification without a payload when the transaction commits.
pub fn notify(channel: &CStr) -> Result<()> {
    let channel = channel.as_ptr();
    // SAFETY: two C strings, which are copied.
    catch(|| unsafe { Async_Notify(channel, c"".as_ptr()) })
}

/// Replaces the text of the current statement in pg_stat_activity and in what errors and durations are logged with, by a
/// text that lasts.
pub fn hide_statement(text: &'static CStr) {
    // SAFETY: the statement's text, where there is one, is a C string; its replacement lasts.
    unsafe {
        if pg_sys::debug_query_string.is_null() {
            return;
        }
        pg_sys::debug_query_string = text.as_ptr();
        pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_RUNNING, text.as_ptr());
    }
}

/// Tells whether this is a parallel worker that has its leader's settings already.
pub fn is_started_worker() -> bool {
    // SAFETY: the state of a parallel worker.
    unsafe { pg_sys::ParallelWorkerNumber >= 0 && !pg_sys::InitializingParallelWorker }
}
