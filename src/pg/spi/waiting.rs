//! How long locks are waited for.

use super::pins::with_settings;
use super::subtransaction::subtransaction;
use crate::pg::error::{Result, check_for_interrupts};
use pgrx::pg_sys;
use std::ffi::{CStr, c_int};
use std::time::{Duration, Instant};

/// How long a row or a part of the books is waited for: its user may hold it for as long as they like.
pub const LOCK_PATIENCE: Milliseconds = Milliseconds(10_000, c"10000");
/// For locks on which others wait behind: less than their deadlock_timeout, unless that was set low, so that they are
/// not told of a deadlock.
pub const BRIEFLY: Milliseconds = Milliseconds(200, c"200");
/// Not at all, as far as Postgres can.
pub const NOT_AT_ALL: Milliseconds = Milliseconds(1, c"1");

/// A time, and how settings spell it.
pub struct Milliseconds(c_int, &'static CStr);

/// The setting of lock_timeout for this time, unless it is as short already.
pub(super) fn shorter(time: &Milliseconds) -> Option<(&'static CStr, &'static CStr)> {
    (!(1..=time.0).contains(&lock_timeout())).then_some((c"lock_timeout", time.1))
}

/// lock_timeout in milliseconds; 0 is without end.
fn lock_timeout() -> c_int {
    // SAFETY: a setting of the backend's.
    unsafe { pg_sys::LockTimeout }
}

/// Does `work` in which each lock is waited for at most so long, or as long as the caller waits if that is shorter:
/// then 55P03.
pub fn waiting_at_most<T>(time: &Milliseconds, work: impl FnOnce() -> Result<T>) -> Result<T> {
    with_settings(shorter(time).as_slice(), work)
}

/// Does `work` as soon as it need not wait for long, for locks on which others wait behind it: whoever holds one of
/// them as long as they like must not keep everybody waiting. Its locks are given back, time and again. After
/// 10 seconds, or the caller's lock_timeout if that is shorter: 55P03.
///
/// Autovacuum makes way for whoever has waited for deadlock_timeout, which is shorter here than the wait.
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
