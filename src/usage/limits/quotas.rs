//! Remaining allowances for callers to read: check_quota() and current_usage().

use super::limit_usage::{Holds, LimitKeys, usage_of_limits};
use crate::pg::clock;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::single_row;
use crate::pg::spi::{self, Access, Db};
use crate::pg::values::Numeric;
use crate::usage::callers::readable_user;
use crate::usage::measure::Measure;
use crate::users;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::cmp::Ordering;

/// Row of check_quota(): allowed, used, limit, remaining, time of the reset.
type Quota =
    (bool, Option<Numeric>, Option<Numeric>, Option<Numeric>, Option<TimestampWithTimeZone>);

/// Tells if the caller's plan allows a further amount of a measure, and returns the tightest
/// matching limit.
///
/// Measures: events, tokens or cost of an event type; documents; bytes. Without a limit, the other
/// columns are null. `remaining` excludes held amounts. Nothing is reserved: another session may use
/// the amount first. consume_usage() and reserve_usage() are exact. Callable by the user, and by
/// services for any user. Errors: 22023 (unknown measure, bad amount), PT404 (no such user).
#[pg_extern(stable, parallel_unsafe)]
fn check_quota(
    event_type: Option<&str>,
    amount: default!(Option<Numeric>, "1"),
    measure: default!(Option<&str>, "'events'"),
    user_id: default!(Option<Uuid>, "null"),
) -> single_row::TableIterator<
    'static,
    (
        name!(allowed, bool),
        name!(used, Option<Numeric>),
        name!(limit_value, Option<Numeric>),
        name!(remaining, Option<Numeric>),
        name!(resets_at, Option<TimestampWithTimeZone>),
    ),
> {
    let row = guard(|| {
        let user = readable_user(user_id)?;
        let bad = |message: String| Error::new(SqlState::InvalidParameterValue, message);
        let event_type = event_type.ok_or_else(|| bad("event_type must not be null".to_owned()))?;
        let measure = Measure::parse(measure.unwrap_or("null"))?;
        spi::as_owner(Access::Read, |db| {
            users::require(db, user)?;
            let negative = "select coalesce($1::numeric::text, 'null')
                where coalesce($1 < 0 or $1 in ('NaN', 'Infinity'), true)";
            let wrong = db.first(negative, &[amount.into()], |row| row.need::<String>(1))?;
            match (amount, wrong) {
                (Some(amount), None) => quota(db, user, event_type, measure, amount),
                (_, wrong) => {
                    let amount = wrong.unwrap_or_default();
                    Err(bad(format!("amount must be a number from 0: {amount}")))
                }
            }
        })
    });
    single_row::TableIterator::once(row)
}

/// Row of check_quota(): the tightest limit is hard before soft, then has the least remaining, then
/// resets first.
fn quota(
    db: &Db,
    user: Uuid,
    event_type: &str,
    measure: Measure,
    amount: Numeric,
) -> Result<Quota> {
    let limits = limits_of_user(db, user, Some(event_type), Some(measure))?;
    let mut is_allowed = true;
    for limit in &limits {
        let is_beyond = amount.compare(limit.remaining)? == Ordering::Greater;
        is_allowed &= !(is_beyond && limit.is_hard);
    }
    let mut tightest: Option<UserLimit> = None;
    for limit in limits {
        let is_tighter = match &tightest {
            None => true,
            Some(least) => match limit.is_hard.cmp(&least.is_hard) {
                Ordering::Greater => true,
                Ordering::Less => false,
                Ordering::Equal => match limit.remaining.compare(least.remaining)? {
                    Ordering::Less => true,
                    Ordering::Greater => false,
                    Ordering::Equal => limit.end < least.end,
                },
            },
        };
        if is_tighter {
            tightest = Some(limit);
        }
    }
    let Some(limit) = tightest else { return Ok((true, None, None, None, None)) };
    Ok((
        is_allowed,
        Some(limit.used.trimmed()?),
        Some(limit.value.trimmed()?),
        Some(limit.remaining.trimmed()?),
        (!limit.end.is_infinity()).then_some(limit.end),
    ))
}

/// Returns the caller's usage in the current periods: one row for each limit of their plan, and one
/// for each unlimited measure that was used.
///
/// Unlimited usage is counted in the billing period. A row for agent requests is always present.
/// `remaining` excludes held amounts. Callable by the user, and by services for any user. Errors:
/// PT404 (no such user).
#[pg_extern(stable, parallel_unsafe)]
fn current_usage(
    user_id: default!(Option<Uuid>, "null"),
) -> TableIterator<
    'static,
    (
        name!(event_type, String),
        name!(measure, String),
        name!(used, Numeric),
        name!(limit_value, Option<Numeric>),
        name!(remaining, Option<Numeric>),
        name!(resets_at, Option<TimestampWithTimeZone>),
    ),
> {
    let rows = guard(|| {
        let user = readable_user(user_id)?;
        spi::as_owner(Access::Read, |db| {
            users::require(db, user)?;
            let limits = limits_of_user(db, user, None, None)?;
            let texts = |of: fn(&UserLimit) -> &str| -> Vec<String> {
                limits.iter().map(|limit| of(limit).to_owned()).collect()
            };
            let numbers =
                |of: fn(&UserLimit) -> Numeric| -> Vec<Numeric> { limits.iter().map(of).collect() };
            let ends: Vec<TimestampWithTimeZone> = limits.iter().map(|limit| limit.end).collect();
            let args = [
                user.into(),
                clock::now()?.into(),
                texts(|limit| &limit.event_type).into(),
                texts(|limit| limit.measure.name()).into(),
                texts(|limit| &limit.period).into(),
                numbers(|limit| limit.used).into(),
                numbers(|limit| limit.value).into(),
                numbers(|limit| limit.remaining).into(),
                ends.into(),
            ];
            db.rows(include_str!("../../../sql/usage/current_usage.sql"), &args, |row| {
                Ok((row.need(1)?, row.need(2)?, row.need(3)?, row.get(4), row.get(5), row.get(6)))
            })
        })
    });
    TableIterator::new(rows)
}

/// Limit of a user's plan in its current period.
struct UserLimit {
    event_type: String,
    measure: Measure,
    period: String,
    start: TimestampWithTimeZone,
    end: TimestampWithTimeZone,
    value: Numeric,
    is_hard: bool,
    used: Numeric,
    /// Limit - used - held, at least 0.
    remaining: Numeric,
}

/// Reads the limits of a user's plan, all or those of an event type and a measure, with their
/// usage.
fn limits_of_user(
    db: &Db,
    user: Uuid,
    event_type: Option<&str>,
    measure: Option<Measure>,
) -> Result<Vec<UserLimit>> {
    let zero = Numeric::zero()?;
    let mut limits = db.rows(
        include_str!("../../../sql/usage/limits_of_user.sql"),
        &[user.into(), event_type.into(), clock::now()?.into()],
        |row| {
            Ok(UserLimit {
                event_type: row.need(1)?,
                measure: Measure::parse(row.need(2)?)?,
                period: row.need(3)?,
                start: row.need(4)?,
                end: row.need(5)?,
                value: row.need(6)?,
                is_hard: row.need(7)?,
                used: zero,
                remaining: zero,
            })
        },
    )?;
    limits.retain(|limit| measure.is_none_or(|measure| limit.measure == measure));
    let mut keys = LimitKeys::default();
    for UserLimit { event_type, measure, period, start, end, .. } in &limits {
        keys.add(user, event_type.clone(), *measure, period.clone(), (*start, *end));
    }
    let usage = usage_of_limits(db, keys, Holds::Unexpired, false)?;
    for (limit, usage) in limits.iter_mut().zip(usage) {
        let taken = usage.used.plus(usage.held)?.negated()?;
        let remaining = limit.value.plus(taken)?;
        limit.used = usage.used;
        limit.remaining = if remaining.compare(zero)? == Ordering::Less { zero } else { remaining };
    }
    Ok(limits)
}
