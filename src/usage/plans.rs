//! Plans and their limits, as operators edit them and as users ask for them.

use super::limits::{held_of_k, used_of_k};
use super::locks;
use super::periods::{self, unknown_period};
use super::{is_of, reckoning, users};
use crate::access;
use crate::pg::clock;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::single_row;
use crate::pg::spi::{self, Access};
use crate::pg::trigger::{self, Returned, one_of};
use crate::pg::values::Numeric;
use pgrx::datum::{Interval, Uuid};
use pgrx::prelude::*;

/// What can be limited.
const MEASURES: [&str; 5] = ["events", "tokens", "cost", "documents", "bytes"];

/// The limits of a user's plan, as rows `k`: $1 user, $2 event type (null: all), $3 when.
macro_rules! limits {
    () => {
        "(
            select p.user_id, l.event_type, l.measure, l.period, l.limit_value, l.enforcement,
                coalesce(lower(span), '-infinity') as period_start, coalesce(upper(span), 'infinity') as period_end
            from carrel.user_profiles as p
            join carrel.plan_limits as l on l.plan_type = p.plan_type
                and ($2::text is null or l.event_type in ('*', $2))
            cross join lateral carrel.usage_period(
                l.period, l.window_length, p.billing_anchor, p.billing_timezone, $3::timestamptz
            ) as span
            where p.user_id = $1::uuid
        ) as k"
    };
}
/// What of a limit is used, what reservations that have not lapsed hold of it, and what remains.
macro_rules! standing {
    () => {
        concat!(
            "(select ",
            used_of_k!(),
            "::numeric as used, ",
            held_of_k!("r.state = 'held' and r.expires_at > clock_timestamp()"),
            "::numeric as held) as now"
        )
    };
}

/// Puts a user on a plan; limits follow at once, and what was used stays. The other arguments change the
/// profile's columns of these names, unless they are null. No such user: PT404; unknown plan: 22023.
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
            let changed = locks::change_one(user, || {
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

/// Whether the caller's plan leaves room for so much of a measure (events, tokens or cost) of a type of
/// event, documents or bytes, and how the tightest of its limits stands; without limits, columns are
/// null. What reservations hold is not there. It asks and takes nothing: what it says may be taken by
/// somebody else; to be sure, consume or reserve.
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
        let user = is_of(user_id)?;
        let bad = |message: String| Error::new(SqlState::InvalidParameterValue, message);
        let event_type = event_type.ok_or_else(|| bad("event_type must not be null".to_owned()))?;
        one_of("measure", measure.unwrap_or("null"), &MEASURES)?;
        spi::as_owner(Access::Read, |db| {
            users::require(db, user)?;
            let negative = "select coalesce($1::numeric::text, 'null')
                where coalesce($1 < 0 or $1 in ('NaN', 'Infinity'), true)";
            if let Some(amount) =
                db.first(negative, &[amount.into()], |row| row.need::<String>(1))?
            {
                return Err(bad(format!("amount must be a number from 0: {amount}")));
            }
            let row = db.first(
                concat!(
                    "select bool_and($5::numeric <= remaining or enforcement = 'soft') over (),
                        trim_scale(used), trim_scale(limit_value), trim_scale(remaining),
                        case when isfinite(period_end) then period_end end
                    from (
                        select k.*, now.used, greatest(k.limit_value - now.used - now.held, 0) as remaining
                        from ", limits!(), " cross join lateral ", standing!(), "
                        where k.measure = $4
                    ) as standing
                    order by enforcement, remaining, period_end limit 1"
                ),
                &[user.into(), event_type.into(), clock::now()?.into(), measure.into(), amount.into()],
                |row| Ok((row.need(1)?, row.get(2), row.get(3), row.get(4), row.get(5))),
            )?;
            Ok(row.unwrap_or((true, None, None, None, None)))
        })
    });
    single_row::TableIterator::once(row)
}

/// What the caller used in the current periods: a row for each limit of their plan, and for what they used
/// in the billing period without one; agent requests are always there. `remaining` is less what
/// reservations hold.
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
        let user = is_of(user_id)?;
        spi::as_owner(Access::Read, |db| {
            users::require(db, user)?;
            db.rows(
                concat!(
                    "with period as (
                        select p.user_id, p.billing_timezone, lower(span) as starts, upper(span) as ends
                        from carrel.user_profiles as p cross join lateral carrel.usage_period(
                            'month', null, p.billing_anchor, p.billing_timezone, $3
                        ) as span
                        where p.user_id = $1
                    ), limited as (
                        select k.event_type, k.measure, k.period, now.used, k.limit_value,
                            greatest(k.limit_value - now.used - now.held, 0) as remaining, k.period_end
                        from ", limits!(), " cross join lateral ", standing!(), "
                    ), used as (
                        select t.event_type, sum(t.events) as events, sum(t.tokens_used) as tokens, sum(t.cost) as cost, period.ends
                        from period join carrel.usage_totals as t on t.user_id = period.user_id
                            and t.period_start = period.starts
                            and t.day >= carrel.usage_day(period.billing_timezone, period.starts)
                        group by t.event_type, period.ends
                    ), unlimited as (
                        select used.event_type, each.measure, each.used, used.ends
                        from used cross join lateral (
                            values ('events', used.events), ('tokens', used.tokens), ('cost', used.cost)
                        ) as each (measure, used)
                        where each.used <> 0
                        union
                        select 'agent_request', 'events', 0, period.ends from period
                        where not exists (select from used where used.event_type = 'agent_request' and used.events <> 0)
                    )
                    select event_type, measure, trim_scale(used), trim_scale(limit_value), trim_scale(remaining),
                        case when isfinite(period_end) then period_end end
                    from (
                        select event_type, measure, used, limit_value, remaining, period_end from limited
                        union all
                        select event_type, measure, used, null, null, ends from unlimited
                        where not exists (
                            select from limited where limited.event_type = unlimited.event_type
                                and limited.measure = unlimited.measure and limited.period = 'month'
                        )
                    ) as standing (event_type, measure, used, limit_value, remaining, period_end)
                    order by event_type, measure, period_end"
                ),
                &[user.into(), None::<String>.into(), clock::now()?.into()],
                |row| {
                    Ok((row.need(1)?, row.need(2)?, row.need(3)?, row.get(4), row.get(5), row.get(6)))
                },
            )
        })
    });
    TableIterator::new(rows)
}

/// BEFORE INSERT OR UPDATE of plan_limits: checks the period, and says how long it is where it is an
/// interval; documents and bytes are those that are stored.
#[pg_trigger]
fn prepare_plan_limit<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        if trigger::restoring() {
            return Ok(());
        }
        row.need_one_of(c"measure", &MEASURES)?;
        row.need_one_of(c"enforcement", &["hard", "soft"])?;
        row.need_text(&[c"event_type", c"period"])?;
        row.need_amount(c"limit_value", 30)?;
        users::require_plan_of(row)?;
        let measure: Option<String> = row.new.get(c"measure");
        if measure.is_some_and(|measure| measure == "documents" || measure == "bytes") {
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
        if length.months() != 0 || !(1..=CENTURY).contains(&periods::micros(&length)) {
            return Err(unknown_period(&period).detail(
                "An interval has a length, up to 100 years: days are of 24 hours, and months have none.",
            ));
        }
        row.set(c"window_length", length);
        Ok(())
    })
}

/// AFTER DELETE or UPDATE of plans: keeps the plan that new users are on, as long as there are any.
#[pg_trigger]
fn keep_default_plan<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::statement(trigger, || {
        if trigger::restoring() {
            return Ok(());
        }
        let missing = spi::as_owner(Access::Write, |db| {
            db.first(
                "select assumed.plan
                from (
                    select pg_get_expr(d.adbin, d.adrelid) as plan
                    from pg_attrdef as d join pg_attribute as a on a.attrelid = d.adrelid and a.attnum = d.adnum
                    where d.adrelid = 'carrel.user_profiles'::regclass and a.attname = 'plan_type'
                ) as assumed
                where assumed.plan like '''%''::text' and exists (select from carrel.plans)
                    and not exists (select from carrel.plans where quote_literal(plan_type) || '::text' = assumed.plan)",
                &[],
                |row| row.need::<String>(1),
            )
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

/// AFTER INSERT, UPDATE, DELETE or TRUNCATE of plan_limits: has what is left reckoned anew when somebody
/// asks.
#[pg_trigger]
fn reckon_limits_anew<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::statement(trigger, || {
        if trigger::restoring() {
            return Ok(());
        }
        reckoning(|db| db.execute("delete from carrel.usage_allowances", &[]).map(|_| ()))
    })
}
