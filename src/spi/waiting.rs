//! How long locks are waited for.

use super::settings::with_settings;
use super::subtransaction;
use crate::error::{Result, check_for_interrupts};
use pgrx::pg_sys;
use std::ffi::{CStr, c_int};
use std::time::{Duration, Instant};

/// How long a row or a part of the books is waited for: its user may hold it for as long as they like.
pub const LONG: &CStr = c"10000";

/// The setting of lock_timeout for so many milliseconds, unless it is as short already.
pub(super) fn shorter(time: &CStr) -> Option<(&'static CStr, &CStr)> {
    let most = time.to_str().ok().and_then(|time| time.parse().ok()).unwrap_or(c_int::MAX);
    // SAFETY: a setting of the backend's.
    let now = unsafe { pg_sys::LockTimeout };
    (!(1..=most).contains(&now)).then_some((c"lock_timeout", time))
}

/// Does `work` in which each lock is waited for at most so many milliseconds, or as long as the caller waits if
/// that is shorter: then 55P03.
pub fn waiting_at_most<T>(time: &CStr, work: impl FnOnce() -> Result<T>) -> Result<T> {
    with_settings(shorter(time).as_slice(), work)
}

/// Does `work` as soon as it need not wait for long, for locks on which others wait behind it: whoever holds one of
/// them as long as they like must not keep everybody waiting. Its locks are given back, time and again. After
/// 10 seconds: 55P03.
pub fn patiently<T>(work: impl Fn() -> Result<T>) -> Result<T> {
    const PATIENCE: Duration = Duration::from_secs(10);
    const PAUSE: Duration = Duration::from_millis(100);
    let start = Instant::now();
    loop {
        // Less than deadlock_timeout: others are not told of a deadlock.
        match subtransaction(|| waiting_at_most(c"200", &work)) {
            Err(error) if error.is_of_locks() && start.elapsed() < PATIENCE => {
                check_for_interrupts();
                std::thread::sleep(PAUSE);
            }
            done => return done,
        }
    }
}
