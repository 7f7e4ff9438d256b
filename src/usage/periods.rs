//! The periods that usage counts in: the core computes them from the profile's anchor and zone.

use super::{is_of, users};
use crate::pg::clock;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::spi::{self, Access};
use carrel_core::periods::{self, OutOfRange, Zone};
use pgrx::datum::{Date, Interval, Range, RangeBound, Uuid};
use pgrx::prelude::*;

/// The period that documents and bytes count in: always.
const STORED: &str = "stored";

/// The billing period of a user that contains `at`. Another user's, or no such: PT404.
#[pg_extern(stable, parallel_unsafe)]
fn billing_period(
    user_id: Option<Uuid>,
    at: default!(Option<TimestampWithTimeZone>, "pg_catalog.now()"),
) -> Range<TimestampWithTimeZone> {
    guard(|| {
        let user = is_of(user_id)?;
        let at = at.map_or_else(clock::now, Ok)?;
        let profile = spi::as_owner(Access::Read, |db| {
            db.first(
                "select billing_anchor, billing_timezone from carrel.user_profiles where user_id = $1",
                &[user.into()],
                |row| Ok((row.need::<TimestampWithTimeZone>(1)?, row.need::<String>(2)?)),
            )
        })?;
        let (anchor, timezone) = profile.ok_or_else(|| users::no_such_user(user))?;
        let (start, end) = Calendar::new(anchor, &timezone)?.period(&Kind::Month, at)?;
        Ok(Range::new(RangeBound::Inclusive(start), RangeBound::Exclusive(end)))
    })
}

/// A kind of period, as plan_limits has it.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Month,
    Week,
    Day,
    /// An interval of so many microseconds.
    Window(i64),
    /// Always.
    Stored,
}

impl Kind {
    /// That of a limit.
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

/// What the periods of a user depend on.
pub struct Calendar {
    anchor: i64,
    zone: Zone,
}

impl Calendar {
    pub fn new(anchor: TimestampWithTimeZone, timezone: &str) -> Result<Self> {
        Ok(Self { anchor: unix_micros(anchor), zone: zone(timezone)? })
    }

    /// The start and end of the period of a kind that contains `at`.
    pub fn period(
        &self,
        kind: &Kind,
        at: TimestampWithTimeZone,
    ) -> Result<(TimestampWithTimeZone, TimestampWithTimeZone)> {
        let instant = unix_micros(at);
        let found = match kind {
            Kind::Month => periods::month_containing(self.anchor, &self.zone, instant),
            Kind::Week => periods::week_containing(&self.zone, instant),
            Kind::Day => periods::day_containing(&self.zone, instant).map(|(_, day)| day),
            Kind::Window(length) => periods::window_containing(self.anchor, *length, instant),
            Kind::Stored => {
                let always = TimestampWithTimeZone::negative_infinity();
                return Ok((always, TimestampWithTimeZone::positive_infinity()));
            }
        }
        .map_err(far)?;
        Ok((from_unix_micros(found.start)?, from_unix_micros(found.end)?))
    }

    /// The day that contains `at`.
    pub fn day(&self, at: TimestampWithTimeZone) -> Result<Date> {
        let (date, _) = periods::day_containing(&self.zone, unix_micros(at)).map_err(far)?;
        let bad = |_| Error::new(SqlState::InvalidParameterValue, "day out of range");
        Date::new(date.year().into(), date.month() as u8, date.day() as u8).map_err(bad)
    }
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
    guard(|| Calendar::new(at, timezone)?.day(at))
}

/// The period of a kind, as plan_limits has it, that contains `at`; unbounded for stored amounts. Null where anything but the
/// window is.
#[pg_extern(immutable, parallel_safe)]
fn usage_period(
    period: Option<&str>,
    window_length: Option<Interval>,
    anchor: Option<TimestampWithTimeZone>,
    timezone: Option<&str>,
    at: Option<TimestampWithTimeZone>,
) -> Option<Range<TimestampWithTimeZone>> {
    guard(|| {
        let (Some(period), Some(anchor), Some(timezone), Some(at)) = (period, anchor, timezone, at)
        else {
            return Ok(None);
        };
        let kind = Kind::of(period, window_length.as_ref())?;
        if kind == Kind::Stored {
            return Ok(Some(Range::infinite()));
        }
        let (start, end) = Calendar::new(anchor, timezone)?.period(&kind, at)?;
        Ok(Some(Range::new(RangeBound::Inclusive(start), RangeBound::Exclusive(end))))
    })
}

/// The start of the billing period that contains `at`.
pub fn period_start(
    anchor: TimestampWithTimeZone,
    timezone: &str,
    at: TimestampWithTimeZone,
) -> Result<TimestampWithTimeZone> {
    Ok(Calendar::new(anchor, timezone)?.period(&Kind::Month, at)?.0)
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
