//! Time window in which events may be recorded.

use crate::pg::clock;
use crate::pg::error::{Error, Result, SqlState};
use pgrx::prelude::*;

/// Refuses a time that is too early or too late to record an event at: PT422.
pub fn check_window(at: TimestampWithTimeZone) -> Result<()> {
    const MINUTE: i64 = 60_000_000;
    const DAY: i64 = 24 * 60 * MINUTE;
    let late = i64::from(clock::now()?).saturating_sub(i64::from(at));
    if (-5 * MINUTE..=35 * DAY).contains(&late) {
        return Ok(());
    }
    Err(Error::new(
        SqlState::InvalidWindow,
        format!("occurred_at is outside of the window: {}", at.to_iso_string()),
    )
    .detail("Events may be recorded up to 35 days late and 5 minutes early."))
}
