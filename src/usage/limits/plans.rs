//! Plans and their limits, as operators edit them.

use crate::access;
use crate::calendar::{micros, unknown_period};
use crate::locks;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::spi::{self, Access, as_owner_now};
use crate::pg::trigger::{self, Returned, one_of};
use crate::usage::measure::Measure;
use crate::users;
use pgrx::datum::{Interval, Uuid};
use pgrx::prelude::*;

/// Puts a user on a plan. Its limits apply at once; recorded usage stays.
///
/// The other arguments set the profile's columns of the same names, unless they are null. Callable by
/// operators and services. Errors: PT404 (no such user), 22023 (unknown plan, status or time zone).
#[pg_extern(volatile, parallel_unsafe)]
fn set_plan(
    user_id: Option<Uuid>,
    plan: Option<&str>,
    subscription_status: default!(Option<&str>, "null"),
    billing_anchor: default!(Option<TimestampWithTimeZone>, "null"),
    billing_timezone: default!(Option<&str>, "null"),
) {
    guard(|| {
        access::require_operator_or_service("set_plan")?;
        let user = user_id.ok_or_else(users::missing_user_id)?;
        let plan = plan
            .ok_or_else(|| Error::new(SqlState::InvalidParameterValue, "plan must not be null"))?;
        if let Some(status) = subscription_status {
            one_of("subscription_status", status, &users::STATUSES)?;
        }
        spi::as_owner(Access::Write, |db| {
            users::require_plan(db, plan)?;
            let changed = locks::with_user_lock(user, || {
                db.execute(
                    "update carrel.user_profiles set plan_type = $2,
                    subscription_status = coalesce($3, subscription_status),
                    billing_anchor = coalesce($4, billing_anchor),
                    billing_timezone = coalesce($5, billing_timezone)
                where user_id = $1",
                    &[
                        user.into(),
                        plan.into(),
                        subscription_status.into(),
                        billing_anchor.into(),
                        billing_timezone.into(),
                    ],
                )
            })?;
            if changed == 0 { Err(users::no_such_user(user)) } else { Ok(()) }
        })
    })
}

/// Trigger BEFORE INSERT OR UPDATE of plan_limits: checks the limit, and sets `window_length` if
/// its period is an interval.
///
/// Limits of stored amounts get the period `stored`. Errors: 22023 (invalid limit or period).
#[pg_trigger]
fn prepare_plan_limit<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        if trigger::restoring()? {
            return Ok(());
        }
        row.need_one_of(c"measure", &Measure::ALL.map(Measure::name))?;
        row.need_one_of(c"enforcement", &["hard", "soft"])?;
        row.need_text(&[c"event_type", c"period"])?;
        row.need_amount(c"limit_value", 30)?;
        users::require_plan_of(row)?;
        let measure: Option<String> = row.new.get(c"measure");
        if let Some(measure) = measure
            && Measure::parse(&measure)?.is_stored()
        {
            row.set(c"period", "stored");
            row.set(c"event_type", "*");
            row.set(c"window_length", None::<Interval>);
            return Ok(());
        }
        let period: String = row.new.need(c"period")?;
        if ["month", "week", "day"].contains(&period.as_str()) {
            row.set(c"window_length", None::<Interval>);
            return Ok(());
        }
        let length = spi::as_owner(Access::Read, |db| {
            db.value::<Interval>("select $1::text::interval", &[period.as_str().into()])
        })
        .map_err(|error| if error.is_of_content() { unknown_period(&period) } else { error })?;
        const CENTURY: i64 = 36_525 * 86_400_000_000;
        if length.months() != 0 || !(1..=CENTURY).contains(&micros(&length)) {
            return Err(unknown_period(&period).detail(
                "An interval has a length, up to 100 years: days are of 24 hours, and months have none.",
            ));
        }
        row.set(c"window_length", length);
        Ok(())
    })
}

/// Trigger AFTER DELETE OR UPDATE of plans: keeps the default plan of new users, unless no plan is
/// left. Errors: 55000 (the default plan is missing).
#[pg_trigger]
fn keep_default_plan<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::statement(trigger, || {
        if trigger::restoring()? {
            return Ok(());
        }
        let missing = spi::as_owner(Access::Write, |db| {
            db.first(include_str!("../../../sql/usage/default_plan.sql"), &[], |row| {
                row.need::<String>(1)
            })
        })?;
        match missing {
            None => Ok(()),
            Some(plan) => Err(Error::new(
                SqlState::ObjectNotInPrerequisiteState,
                format!("new users are on the plan {}", plan.trim_end_matches("::text")),
            )
            .hint("First: alter table carrel.user_profiles alter column plan_type set default '<another plan>'")),
        }
    })
}

/// Trigger AFTER INSERT, UPDATE, DELETE or TRUNCATE of plan_limits: deletes all shares. Limits are
/// allocated again when they are next debited.
#[pg_trigger]
fn delete_allowances<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::statement(trigger, || {
        if trigger::restoring()? {
            return Ok(());
        }
        as_owner_now(|db| db.execute("delete from carrel.usage_allowances", &[]).map(|_| ()))
    })
}
