//! Calendar of a user: the month, week, day or window that contains a time. Reads no table.
//!
//! The core computes periods from a profile's billing anchor and time zone. It never chains them
//! from one another, so they tile.

use crate::pg::error::{Error, Result, SqlState};
use carrel_core::periods::{self, OutOfRange, Zone};
use pgrx::datum::{Date, Interval};
use pgrx::prelude::*;

/// Name of the period of stored amounts (documents, bytes): unbounded.
const STORED: &str = "stored";

/// Kind of a period, as `plan_limits.period` names it.
#[derive(Clone, Debug, PartialEq)]
pub enum PeriodKind {
    Month,
    Week,
    Day,
    /// Interval of this many microseconds.
    Window(i64),
    /// Unbounded: amounts that are stored.
    Stored,
}

impl PeriodKind {
    /// Parses the period of a limit. Fails with 22023 for an unknown one.
    pub fn of(period: &str, window_length: Option<&Interval>) -> Result<Self> {
        match (period, window_length) {
            ("month", _) => Ok(Self::Month),
            ("week", _) => Ok(Self::Week),
            ("day", _) => Ok(Self::Day),
            (STORED, _) => Ok(Self::Stored),
            (_, Some(length)) => Ok(Self::Window(micros(length))),
            (_, None) => Err(unknown_period(period)),
        }
    }
}

/// Billing anchor and time zone of a user.
pub struct Calendar {
    anchor: i64,
    zone: Zone,
}

impl Calendar {
    /// Fails with 22023 for an unknown time zone.
    pub fn new(anchor: TimestampWithTimeZone, timezone: &str) -> Result<Self> {
        Ok(Self { anchor: unix_micros(anchor), zone: zone(timezone)? })
    }

    /// Start (inclusive) and end (exclusive) of the period that contains `at`.
    pub fn period(
        &self,
        kind: &PeriodKind,
        at: TimestampWithTimeZone,
    ) -> Result<(TimestampWithTimeZone, TimestampWithTimeZone)> {
        let instant = unix_micros(at);
        let found = match kind {
            PeriodKind::Month => periods::month_containing(self.anchor, &self.zone, instant),
            PeriodKind::Week => periods::week_containing(&self.zone, instant),
            PeriodKind::Day => periods::day_containing(&self.zone, instant).map(|(_, day)| day),
            PeriodKind::Window(length) => periods::window_containing(self.anchor, *length, instant),
            PeriodKind::Stored => {
                let always = TimestampWithTimeZone::negative_infinity();
                return Ok((always, TimestampWithTimeZone::positive_infinity()));
            }
        }
        .map_err(out_of_range)?;
        Ok((from_unix_micros(found.start)?, from_unix_micros(found.end)?))
    }

    /// Day that contains `at`, in the user's time zone.
    pub fn day(&self, at: TimestampWithTimeZone) -> Result<Date> {
        let (date, _) =
            periods::day_containing(&self.zone, unix_micros(at)).map_err(out_of_range)?;
        let bad = |_| Error::new(SqlState::InvalidParameterValue, "day out of range");
        Date::new(date.year().into(), date.month() as u8, date.day() as u8).map_err(bad)
    }
}

/// Start of the monthly billing period that contains `at`.
pub fn period_start(
    anchor: TimestampWithTimeZone,
    timezone: &str,
    at: TimestampWithTimeZone,
) -> Result<TimestampWithTimeZone> {
    Ok(Calendar::new(anchor, timezone)?.period(&PeriodKind::Month, at)?.0)
}

/// Looks up a time zone by its IANA name. Fails with 22023.
pub fn zone(name: &str) -> Result<Zone> {
    Zone::named(name).map_err(|error| {
        Error::new(SqlState::InvalidParameterValue, error.to_string())
            .hint("Give the name of a zone such as 'Europe/Berlin' or 'UTC'.")
    })
}

/// Error 22023: unknown kind of period.
pub fn unknown_period(period: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("unknown period \"{period}\""))
        .hint("Give month, week, day, or an interval such as '5 hours'.")
}

/// Length of an interval in microseconds, at 24 hours a day. Ignores months.
pub fn micros(length: &Interval) -> i64 {
    const DAY: i64 = 86_400_000_000;
    i64::from(length.days()).saturating_mul(DAY).saturating_add(length.micros())
}

/// Error 22023: the time is out of the calendar's range.
fn out_of_range(error: OutOfRange) -> Error {
    Error::new(SqlState::InvalidParameterValue, error.to_string())
}

/// Microseconds from 1970 to 2000, the epoch of Postgres.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

fn unix_micros(at: TimestampWithTimeZone) -> i64 {
    i64::from(at).saturating_add(POSTGRES_EPOCH)
}

fn from_unix_micros(at: i64) -> Result<TimestampWithTimeZone> {
    TimestampWithTimeZone::try_from(at.saturating_sub(POSTGRES_EPOCH))
        .map_err(|_| Error::new(SqlState::InvalidParameterValue, "billing period out of range"))
}
