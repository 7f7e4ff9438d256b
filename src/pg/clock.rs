//! Clocks of Postgres: start of the transaction, start of the statement, and wall clock.

use super::error::{Error, Result, SqlState};
use super::trigger::{self, Returned};
use pgrx::prelude::*;

/// Start of the transaction, as now() returns it.
pub fn now() -> Result<TimestampWithTimeZone> {
    // SAFETY: reads the transaction's state.
    timestamp(unsafe { pg_sys::GetCurrentTransactionStartTimestamp() })
}

/// Start of the client's statement, as statement_timestamp() returns it.
pub fn statement_start() -> Result<TimestampWithTimeZone> {
    // SAFETY: reads the session's state.
    timestamp(unsafe { pg_sys::GetCurrentStatementStartTimestamp() })
}

/// Current time, as clock_timestamp() returns it.
pub fn wall() -> Result<TimestampWithTimeZone> {
    // SAFETY: reads the clock.
    timestamp(unsafe { pg_sys::GetCurrentTimestamp() })
}

/// Current time in Postgres's microseconds since 2000.
pub fn wall_micros() -> pg_sys::TimestampTz {
    // SAFETY: reads the clock.
    unsafe { pg_sys::GetCurrentTimestamp() }
}

/// Converts Postgres's microseconds since 2000. Fails with 55000 if the value is out of range.
pub fn timestamp(at: pg_sys::TimestampTz) -> Result<TimestampWithTimeZone> {
    TimestampWithTimeZone::try_from(at).map_err(|_| {
        Error::new(
            SqlState::ObjectNotInPrerequisiteState,
            "the clock is outside of what a timestamp can hold",
        )
    })
}

/// Trigger BEFORE UPDATE of user_profiles, agent_sessions, documents and agent_requests: sets updated_at to
/// now(), except while a dump is restored.
#[pg_trigger]
fn touch_updated_at<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        if !trigger::restoring()? {
            row.set(c"updated_at", now()?);
        }
        Ok(())
    })
}
