//! SQL functions of billing periods and of the other periods that limits count in.

use super::callers::readable_user;
use crate::calendar::{Calendar, PeriodKind, period_start};
use crate::pg::clock;
use crate::pg::error::guard;
use crate::pg::spi::{self, Access};
use crate::users;
use pgrx::datum::{Date, Interval, Range, RangeBound, Uuid};
use pgrx::prelude::*;

/// Returns the monthly billing period of a user that contains `at`.
///
/// Callable by the user, and by services for any user. Errors: PT404 (no such user, or another
/// user's).
#[pg_extern(stable, parallel_unsafe)]
fn billing_period(
    user_id: Option<Uuid>,
    at: default!(Option<TimestampWithTimeZone>, "pg_catalog.now()"),
) -> Range<TimestampWithTimeZone> {
    guard(|| {
        let user = readable_user(user_id)?;
        let at = at.map_or_else(clock::now, Ok)?;
        let profile = spi::as_owner(Access::Read, |db| {
            db.first(
                "select billing_anchor, billing_timezone from carrel.user_profiles where user_id = $1",
                &[user.into()],
                |row| Ok((row.need::<TimestampWithTimeZone>(1)?, row.need::<String>(2)?)),
            )
        })?;
        let (anchor, timezone) = profile.ok_or_else(|| users::no_such_user(user))?;
        let (start, end) = Calendar::new(anchor, &timezone)?.period(&PeriodKind::Month, at)?;
        Ok(Range::new(RangeBound::Inclusive(start), RangeBound::Exclusive(end)))
    })
}

/// Returns the start of the monthly billing period that contains `at`.
///
/// The period follows from the anchor and the IANA time zone. Used by queries of usage. Errors: 22023
/// (unknown zone).
#[pg_extern(immutable, strict, parallel_safe)]
fn billing_period_start(
    anchor: TimestampWithTimeZone,
    timezone: &str,
    at: TimestampWithTimeZone,
) -> TimestampWithTimeZone {
    guard(|| period_start(anchor, timezone, at))
}

/// Returns the day that contains `at` in a time zone. Errors: 22023 (unknown zone).
#[pg_extern(immutable, strict, parallel_safe)]
fn usage_day(timezone: &str, at: TimestampWithTimeZone) -> Date {
    guard(|| Calendar::new(at, timezone)?.day(at))
}

/// Returns the period of a limit that contains `at`; unbounded for stored amounts.
///
/// `period` and `window_length` are as in plan_limits. Null if any argument but `window_length`
/// is null. Errors: 22023 (unknown period or zone).
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
        let kind = PeriodKind::of(period, window_length.as_ref())?;
        if kind == PeriodKind::Stored {
            return Ok(Some(Range::infinite()));
        }
        let (start, end) = Calendar::new(anchor, timezone)?.period(&kind, at)?;
        Ok(Some(Range::new(RangeBound::Inclusive(start), RangeBound::Exclusive(end))))
    })
}
