//! Plans and their limits, as operators edit them and as users ask for them.

use super::accounts::{Account, Limit, matches};
use super::limits::{held_of_k, used_of_k};
use super::locks;
use super::periods::{self, Kind, unknown_period};
use super::{is_of, reckoning, users};
use crate::datums::{Numeric, OwnedNumeric};
use crate::error::{Error, Result, SqlState, guard};
use crate::heap::{Condition, Source};
use crate::spi::{self, Access};
use crate::trigger::{self, Returned};
use pgrx::datum::{Date, Interval, Uuid};
use pgrx::prelude::*;
use std::cmp::Ordering;

/// How a limit stands: what is used, the limit, what remains, and when it begins anew.
pub type Standing =
    (Option<Numeric>, Option<Numeric>, Option<Numeric>, Option<TimestampWithTimeZone>);

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
        let user = user_id.ok_or_else(users::missing_user_id)?;
        let plan = plan
            .ok_or_else(|| Error::new(SqlState::InvalidParameterValue, "plan must not be null"))?;
        const STATUSES: [&str; 3] = ["active", "cancelled", "expired"];
        if let Some(status) = subscription_status.filter(|status| !STATUSES.contains(status)) {
            return Err(Error::new(
                SqlState::InvalidParameterValue,
                format!("unknown subscription_status \"{status}\""),
            )
            .hint(format!("Known: {}.", STATUSES.join(", "))));
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
) -> TableIterator<
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
        let measure = measure.unwrap_or("null");
        if !["events", "tokens", "cost", "documents", "bytes"].contains(&measure) {
            return Err(bad(format!("unknown measure \"{measure}\""))
                .hint("Known: events, tokens, cost, documents, bytes."));
        }
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
                &[user.into(), event_type.into(), crate::rows::now()?.into(), measure.into(), amount.into()],
                |row| Ok((row.need(1)?, row.get(2), row.get(3), row.get(4), row.get(5))),
            )?;
            Ok(row.unwrap_or((true, None, None, None, None)))
        })
    });
    TableIterator::once(row)
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
                &[user.into(), None::<String>.into(), crate::rows::now()?.into()],
                |row| {
                    Ok((row.need(1)?, row.need(2)?, row.need(3)?, row.get(4), row.get(5), row.get(6)))
                },
            )
        })
    });
    TableIterator::new(rows)
}

/// How the limits stand that an event falls under; where there is none, how many events of the type there
/// are in the billing period.
pub struct Standings {
    spans: Vec<Span>,
    is_limited: bool,
}

impl Standings {
    /// Before anything is added up.
    pub fn of(account: &Account, event_type: &str, at: TimestampWithTimeZone) -> Result<Self> {
        let mut spans = Vec::new();
        let matching = account.limits.iter().filter(|limit| limit.matches(event_type));
        for limit in matching.filter(|limit| MEASURES.contains(&limit.measure.as_str())) {
            spans.push(Span::of(account, limit, at)?);
        }
        let is_limited = !spans.is_empty();
        if !is_limited {
            let all = Limit {
                event_type: event_type.to_owned(),
                measure: "events".to_owned(),
                period: "month".to_owned(),
                kind: Kind::Month,
                value: OwnedNumeric::of(Numeric::from_whole(0)?),
                is_hard: false,
            };
            spans.push(Span::of(account, &all, at)?);
        }
        Ok(Self { spans, is_limited })
    }

    /// The first day whose totals are to be added.
    pub fn first_day(&self) -> Option<Date> {
        self.spans.iter().filter(|span| !span.is_window()).map(|span| span.days.0).min()
    }

    /// Nothing, to which [`Sums::add`] adds totals.
    pub fn sums(&self) -> Result<Sums> {
        let nothing = Numeric::from_whole(0)?;
        Ok(Sums(vec![nothing; self.spans.len()]))
    }

    /// Takes what was added up.
    pub fn take(&mut self, sums: Sums) {
        for (span, sum) in self.spans.iter_mut().zip(sums.0) {
            span.used = OwnedNumeric::of(sum);
        }
    }

    /// The tightest of them, when all totals are added: the one of which the least part remains; of the same
    /// part, one that is hard, and that begins anew last.
    pub fn tightest(mut self, user: Uuid) -> Result<Standing> {
        if !self.is_limited {
            let used = self.spans.first().map(|span| span.used.get().trimmed()).transpose()?;
            return Ok((used, None, None, None));
        }
        self.add_windows(user)?;
        self.add_held(user)?;
        let (nothing, one) = (Numeric::from_whole(0)?, Numeric::from_whole(1)?);
        let mut tightest: Option<(Numeric, Numeric, &Span)> = None;
        for span in &self.spans {
            let value = span.limit.get();
            let taken = span.used.get().plus(span.held.get())?;
            let remaining = value.plus(taken.negated()?)?;
            let remaining =
                if remaining.compare(nothing)? == Ordering::Less { nothing } else { remaining };
            // Of a limit of nothing, nothing remains.
            let of = if value.compare(nothing)? == Ordering::Equal { one } else { value };
            let is_tighter = match tightest {
                None => true,
                Some((least, of_least, tightest)) => {
                    match remaining.times(of_least)?.compare(least.times(of)?)? {
                        Ordering::Less => true,
                        // Who waits for all of them waits for the last.
                        Ordering::Equal => {
                            (span.is_hard, span.end) > (tightest.is_hard, tightest.end)
                        }
                        Ordering::Greater => false,
                    }
                }
            };
            if is_tighter {
                tightest = Some((remaining, of, span));
            }
        }
        let Some((remaining, _, span)) = tightest else { return Ok(Standing::default()) };
        Ok((
            Some(span.used.get().trimmed()?),
            Some(span.limit.get().trimmed()?),
            Some(remaining.trimmed()?),
            (!span.end.is_infinity()).then_some(span.end),
        ))
    }

    /// What is used in intervals that are not of days is added up from the events.
    fn add_windows(&mut self, user: Uuid) -> Result<()> {
        for span in self.spans.iter_mut().filter(|span| span.is_window()) {
            let sums = reckoning(|db| {
                db.first(
                    "select coalesce(sum(case when voids is null then 1 else -1 end), 0)::numeric,
                        coalesce(sum(tokens_used), 0), coalesce(sum(cost), 0)
                    from carrel.usage_events
                    where user_id = $1 and occurred_at >= $2 and occurred_at < $3 and $4 in ('*', event_type)",
                    &[
                        user.into(),
                        span.start.into(),
                        span.end.into(),
                        span.event_type.as_str().into(),
                    ],
                    |row| Ok(OwnedNumeric::of(row.need(span.measure as i32 + 1)?)),
                )
            })?;
            span.used = sums.map_or_else(OwnedNumeric::nothing, Ok)?;
        }
        Ok(())
    }

    /// Adds what reservations that have not lapsed hold.
    fn add_held(&mut self, user: Uuid) -> Result<()> {
        let source = Source {
            table: c"usage_reservations",
            index: c"usage_reservations_user_id_held_idx",
            conditions: &[Condition::is_user(user), Condition::is_later(crate::rows::clock()?)],
        };
        source.read([c"state", c"reserved_at", c"event_type", c"tokens", c"cost"], |row| {
            if row.need::<&str>(1)? != "held" {
                return Ok(());
            }
            let at: TimestampWithTimeZone = row.need(2)?;
            let event_type: &str = row.need(3)?;
            for span in self.spans.iter_mut() {
                if at < span.start || at >= span.end || !matches(&span.event_type, event_type) {
                    continue;
                }
                let held = match span.measure {
                    0 => Numeric::from_whole(1)?,
                    1 => Numeric::from_whole(row.need(4)?)?,
                    _ => row.need(5)?,
                };
                span.held = OwnedNumeric::of(span.held.get().plus(held)?);
            }
            Ok(())
        })
    }
}

/// What totals are added up in, for each of the [`Standings`]; in the current memory context.
pub struct Sums(Vec<Numeric>);

impl Sums {
    /// Adds a total; `amount` gives its events (0), tokens (1) or cost (2).
    pub fn add(
        &mut self,
        standings: &Standings,
        day: Date,
        period_start: TimestampWithTimeZone,
        event_type: &str,
        amount: impl Fn(usize) -> Result<Numeric>,
    ) -> Result<()> {
        for (span, sum) in standings.spans.iter().zip(&mut self.0) {
            let is_of_period = match span.kind {
                Kind::Window(_) => false,
                Kind::Month => period_start == span.start,
                _ => (span.days.0..=span.days.1).contains(&day),
            };
            if is_of_period && matches(&span.event_type, event_type) {
                *sum = sum.plus(amount(span.measure)?)?;
            }
        }
        Ok(())
    }
}

/// How the tightest limit stands that an event falls under.
pub fn tightest(
    user: Uuid,
    account: &Account,
    event_type: &str,
    at: TimestampWithTimeZone,
) -> Result<Standing> {
    let mut standings = Standings::of(account, event_type, at)?;
    if let Some(first) = standings.first_day() {
        let source = Source {
            table: c"usage_totals",
            index: c"usage_totals_pkey",
            conditions: &[Condition::is_user(user), Condition::is_from_day(first)],
        };
        let mut sums = standings.sums()?;
        source.read(
            [c"day", c"period_start", c"event_type", c"events", c"tokens_used", c"cost"],
            |row| {
                let (day, period_start, event_type) = (row.need(1)?, row.need(2)?, row.need(3)?);
                sums.add(&standings, day, period_start, event_type, |measure| row.need(4 + measure))
            },
        )?;
        standings.take(sums);
    }
    standings.tightest(user)
}

/// What limits are of that events count in.
const MEASURES: [&str; 3] = ["events", "tokens", "cost"];

/// The period of a limit that is asked for, what is used in it, and what reservations hold.
struct Span {
    event_type: String,
    /// Which of the [`MEASURES`].
    measure: usize,
    kind: Kind,
    limit: OwnedNumeric,
    is_hard: bool,
    start: TimestampWithTimeZone,
    end: TimestampWithTimeZone,
    days: (Date, Date),
    used: OwnedNumeric,
    held: OwnedNumeric,
}

impl Span {
    fn of(account: &Account, limit: &Limit, at: TimestampWithTimeZone) -> Result<Self> {
        let (start, end) = account.calendar.period(&limit.kind, at)?;
        let last = TimestampWithTimeZone::try_from(i64::from(end) - 1).unwrap_or(end);
        Ok(Self {
            event_type: limit.event_type.clone(),
            measure: MEASURES.iter().position(|name| *name == limit.measure).unwrap_or(0),
            kind: limit.kind.clone(),
            limit: OwnedNumeric::of(limit.value.get()),
            is_hard: limit.is_hard,
            start,
            end,
            days: (account.calendar.day(start)?, account.calendar.day(last)?),
            used: OwnedNumeric::nothing()?,
            held: OwnedNumeric::nothing()?,
        })
    }

    fn is_window(&self) -> bool {
        matches!(self.kind, Kind::Window(_))
    }
}

/// BEFORE INSERT OR UPDATE of plan_limits: checks the period, and says how long it is where it is an
/// interval; documents and bytes are those that are stored.
#[pg_trigger]
fn prepare_plan_limit<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        if trigger::restoring() {
            return Ok(());
        }
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
fn keep_default_plan<'a>(_: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::after_statement(|| {
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
fn reckon_limits_anew<'a>(_: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::after_statement(|| {
        if trigger::restoring() {
            return Ok(());
        }
        reckoning(|db| db.execute("delete from carrel.usage_allowances", &[]).map(|_| ()))
    })
}
