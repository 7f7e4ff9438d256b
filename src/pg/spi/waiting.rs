//! Limits on waiting for locks.

use super::pins::with_settings;
use super::subtransaction::subtransaction;
use crate::pg::error::{Result, check_for_interrupts};
use pgrx::pg_sys;
use std::ffi::{CStr, c_int};
use std::time::{Duration, Instant};

/// Limit for row locks: users may hold locks on their rows for any time.
pub const LOCK_PATIENCE: Milliseconds = Milliseconds(10_000, c"10000");
/// Limit for table locks that others queue behind. Shorter than the usual deadlock_timeout, so no deadlock is
/// reported to the others.
pub const BRIEFLY: Milliseconds = Milliseconds(200, c"200");
/// Shortest limit that Postgres accepts.
pub const NOT_AT_ALL: Milliseconds = Milliseconds(1, c"1");

/// Duration, as a number and as the text of a setting.
pub struct Milliseconds(c_int, &'static CStr);

/// Setting of lock_timeout for this limit, unless a shorter one is in effect.
pub(super) fn shorter(time: &Milliseconds) -> Option<(&'static CStr, &'static CStr)> {
    (!(1..=time.0).contains(&lock_timeout())).then_some((c"lock_timeout", time.1))
}

/// lock_timeout in milliseconds; 0 means no limit.
fn lock_timeout() -> c_int {
    // SAFETY: reads a setting of the backend.
    unsafe { pg_sys::LockTimeout }
}

/// Runs `work` with a limit on the wait for each lock, or with the caller's lock_timeout if that is shorter.
/// Fails with 55P03 after the limit.
pub fn waiting_at_most<T>(time: &Milliseconds, work: impl FnOnce() -> Result<T>) -> Result<T> {
    with_settings(shorter(time).as_slice(), work)
}

/// Retries `work` until it gets its locks without a long wait, for locks that others queue behind. Between
/// attempts it releases its locks, so a session that holds one of them for long does not block all others.
/// Fails with 55P03 after 10 seconds, or after the caller's lock_timeout if that is shorter.
///
/// A waiter makes autovacuum cancel itself after deadlock_timeout, which is set below the length of the wait.
pub fn patiently<T>(work: impl Fn() -> Result<T>) -> Result<T> {
    let patience = match lock_timeout() {
        0 => LOCK_PATIENCE.0,
        timeout => timeout.min(LOCK_PATIENCE.0),
    };
    let patience = Duration::from_millis(patience.unsigned_abs().into());
    const PAUSE: Duration = Duration::from_millis(100);
    let mut settings = Vec::from([(c"deadlock_timeout", c"50")]);
    settings.extend(shorter(&BRIEFLY));
    let start = Instant::now();
    loop {
        match subtransaction(|| with_settings(&settings, &work)) {
            Err(error) if error.is_of_locks() && start.elapsed() < patience => {
                check_for_interrupts();
                std::thread::sleep(PAUSE);
            }
            done => return done,
        }
    }
}
