//! Checks of lease arguments: worker, interval, count.

use crate::calendar;
use crate::pg::error::{Error, Result, SqlState};
use pgrx::datum::Interval;

/// Length of a lease: above 0 and up to 7 days. Fails with 22023.
pub fn checked_lease(name: &str, lease: Option<Interval>) -> Result<Interval> {
    const WEEK: i64 = 7 * 86_400_000_000;
    let lease = given(name, lease)?;
    if lease.months() != 0 || !(1..=WEEK).contains(&calendar::micros(&lease)) {
        return Err(invalid_argument(format!(
            "{name} must be above 0 and up to 7 days, without months"
        ))
        .hint("Say how long a worker may be silent: interval '30 seconds'"));
    }
    Ok(lease)
}

/// Name of a worker: 1 to 1000 bytes. Fails with 22023.
pub fn checked_worker(worker: Option<&str>) -> Result<&str> {
    match given("worker", worker)? {
        "" => Err(invalid_argument("worker must not be empty")),
        name if name.len() > 1000 => {
            Err(invalid_argument("worker must not be longer than 1000 bytes"))
        }
        name => Ok(name),
    }
}

/// Number of rows to claim: 1 to 10,000. Fails with 22023.
pub fn checked_count(name: &str, count: Option<i32>) -> Result<i32> {
    const MOST: i32 = 10_000;
    let count = given(name, count)?;
    if !(1..=MOST).contains(&count) {
        return Err(invalid_argument(format!("{name} must be from 1 to {MOST}: {count}")));
    }
    Ok(count)
}

/// Argument that must not be null. Fails with 22023.
pub fn given<T>(name: &str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| invalid_argument(format!("{name} must not be null")))
}

/// Error 22023: invalid argument.
pub fn invalid_argument(message: impl Into<String>) -> Error {
    Error::new(SqlState::InvalidParameterValue, message)
}
