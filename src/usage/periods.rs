//! The periods that usage counts in: the core computes them from the profile's anchor and zone.

use super::{is_of, users};
use crate::error::{Error, Result, SqlState, guard};
use crate::spi::{self, Access};
use carrel_core::periods::{self, OutOfRange, Zone};
use pgrx::datum::{Date, Interval, Range, RangeBound, Uuid};
use pgrx::prelude::*;

/// The period that documents and bytes count in: always.
const STORED: &str = "stored";

/// The billing period of a user that contains `at`. Another user's, or no such: PT404.
#[pg_extern(stable, parallel_unsafe)]
fn billing_period(
    user_id: Option<Uuid>,
    at: default!(Option<TimestampWithTimeZone>, "now()"),
) -> Range<TimestampWithTimeZone> {
    guard(|| {
        let user = is_of(user_id)?;
        let at = at.map_or_else(crate::rows::now, Ok)?;
        let profile = spi::as_owner(Access::Read, |db| {
            db.first(
                "select billing_anchor, billing_timezone from carrel.user_profiles where user_id = $1",
                &[user.into()],
                |row| Ok((row.need::<TimestampWithTimeZone>(1)?, row.need::<String>(2)?)),
            )
        })?;
        let (anchor, timezone) = profile.ok_or_else(|| users::no_such_user(user))?;
        let period = month(anchor, &timezone, at)?;
        range(period)
    })
}

/// When the monthly billing period that contains `at` began, for an anchor in a time zone.
#[pg_extern(immutable, strict, parallel_safe)]
fn billing_period_start(
    anchor: TimestampWithTimeZone,
    timezone: &str,
    at: TimestampWithTimeZone,
) -> TimestampWithTimeZone {
    guard(|| period_start(anchor, timezone, at))
}

/// The day that contains `at` in a time zone.
#[pg_extern(immutable, strict, parallel_safe)]
fn usage_day(timezone: &str, at: TimestampWithTimeZone) -> Date {
    guard(|| {
        let (date, _) = periods::day_containing(&zone(timezone)?, unix_micros(at)).map_err(far)?;
        let bad = |_| Error::new(SqlState::InvalidParameterValue, "day out of range");
        Date::new(date.year().into(), date.month() as u8, date.day() as u8).map_err(bad)
    })
}

/// The period of a kind, as plan_limits has it, that contains `at`; what is stored has one that is always.
#[pg_extern(immutable, parallel_safe)]
fn usage_period(
    period: &str,
    window_length: Option<Interval>,
    anchor: TimestampWithTimeZone,
    timezone: &str,
    at: TimestampWithTimeZone,
) -> Range<TimestampWithTimeZone> {
    guard(|| {
        if period == STORED {
            return Ok(Range::infinite());
        }
        let instant = unix_micros(at);
        let found = match (period, window_length) {
            ("month", _) => month(anchor, timezone, at)?,
            ("week", _) => periods::week_containing(&zone(timezone)?, instant).map_err(far)?,
            ("day", _) => periods::day_containing(&zone(timezone)?, instant).map_err(far)?.1,
            (_, Some(length)) => {
                let length = micros(&length);
                periods::window_containing(unix_micros(anchor), length, instant).map_err(far)?
            }
            (_, None) => return Err(unknown_period(period)),
        };
        range(found)
    })
}

fn range(instants: std::ops::Range<i64>) -> Result<Range<TimestampWithTimeZone>> {
    let end = RangeBound::Exclusive(from_unix_micros(instants.end)?);
    Ok(Range::new(RangeBound::Inclusive(from_unix_micros(instants.start)?), end))
}

/// The start of the billing period that contains `at`.
pub fn period_start(
    anchor: TimestampWithTimeZone,
    timezone: &str,
    at: TimestampWithTimeZone,
) -> Result<TimestampWithTimeZone> {
    from_unix_micros(month(anchor, timezone, at)?.start)
}

/// A time zone by its IANA name, else error 22023.
pub fn zone(name: &str) -> Result<Zone> {
    Zone::named(name).map_err(|error| {
        Error::new(SqlState::InvalidParameterValue, error.to_string())
            .hint("Give the name of a zone such as 'Europe/Berlin' or 'UTC'.")
    })
}

/// The error for what is no kind of period.
pub fn unknown_period(period: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("unknown period \"{period}\""))
        .hint("Give month, week, day, or an interval such as '5 hours'.")
}

/// The length of an interval without months, days being of 24 hours.
pub fn micros(length: &Interval) -> i64 {
    const DAY: i64 = 86_400_000_000;
    i64::from(length.days()).saturating_mul(DAY).saturating_add(length.micros())
}

fn month(
    anchor: TimestampWithTimeZone,
    timezone: &str,
    at: TimestampWithTimeZone,
) -> Result<std::ops::Range<i64>> {
    periods::month_containing(unix_micros(anchor), &zone(timezone)?, unix_micros(at)).map_err(far)
}

fn far(error: OutOfRange) -> Error {
    Error::new(SqlState::InvalidParameterValue, error.to_string())
}

/// Microseconds from 1970 to 2000, where Postgres counts from.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

fn unix_micros(at: TimestampWithTimeZone) -> i64 {
    i64::from(at).saturating_add(POSTGRES_EPOCH)
}

fn from_unix_micros(at: i64) -> Result<TimestampWithTimeZone> {
    TimestampWithTimeZone::try_from(at.saturating_sub(POSTGRES_EPOCH))
        .map_err(|_| Error::new(SqlState::InvalidParameterValue, "billing period out of range"))
}
