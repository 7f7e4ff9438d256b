//! The clocks of Postgres: start of the transaction, start of the statement, and wall clock.

use super::error::{Error, Result, SqlState};
use super::trigger::{self, Returned};
use pgrx::prelude::*;

/// now(): when the transaction began.
pub fn now() -> Result<TimestampWithTimeZone> {
    // SAFETY: reads the state of the transaction.
    timestamp(unsafe { pg_sys::GetCurrentTransactionStartTimestamp() })
}

/// statement_timestamp(): when the client's statement began.
pub fn statement_start() -> Result<TimestampWithTimeZone> {
    // SAFETY: reads the state of the session.
    timestamp(unsafe { pg_sys::GetCurrentStatementStartTimestamp() })
}

/// clock_timestamp(): the time as it is.
pub fn wall() -> Result<TimestampWithTimeZone> {
    // SAFETY: reads the clock.
    timestamp(unsafe { pg_sys::GetCurrentTimestamp() })
}

/// clock_timestamp() as Postgres counts it: microseconds since 2000.
pub fn wall_micros() -> pg_sys::TimestampTz {
    // SAFETY: reads the clock.
    unsafe { pg_sys::GetCurrentTimestamp() }
}

/// A time as Postgres counts it.
pub fn timestamp(at: pg_sys::TimestampTz) -> Result<TimestampWithTimeZone> {
    TimestampWithTimeZone::try_from(at).map_err(|_| {
        Error::new(
            SqlState::ObjectNotInPrerequisiteState,
            "the clock is outside of what a timestamp can hold",
        )
    })
}

/// BEFORE UPDATE: sets updated_at to the transaction's time, but not while rows are brought in as they are.
#[pg_trigger]
fn touch_updated_at<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        if !trigger::restoring() {
            row.set(c"updated_at", now()?);
        }
        Ok(())
    })
}
