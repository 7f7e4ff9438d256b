//! Sums of usage over time, from the totals.

use super::is_of;
use crate::access;
use crate::identity;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::spi::{self, Access, Db};
use crate::pg::values::Numeric;
use pgrx::datum::Uuid;
use pgrx::prelude::*;

/// What is asked for, besides the time.
const BUCKETS: [&str; 5] = ["day", "week", "month", "period", "all"];
const GROUPS: [&str; 3] = ["event_type", "model", "user"];

/// Usage from one time up to another, by day, week or month of the user's calendar, by billing period, or
/// all together, and by any of event_type, model and, for services, user; columns that were not asked for
/// are null. The caller's own; a service gets the user's that it names, or everybody's. Unknown
/// buckets or groups, or an end before the start: 22023.
#[pg_extern(stable, parallel_unsafe)]
fn usage_report(
    start_at: Option<TimestampWithTimeZone>,
    end_at: Option<TimestampWithTimeZone>,
    bucket: default!(Option<&str>, "'day'"),
    group_by: default!(Option<Vec<Option<String>>>, "'{event_type}'"),
    user_id: default!(Option<Uuid>, "null"),
) -> TableIterator<
    'static,
    (
        name!(bucket_start, Option<TimestampWithTimeZone>),
        name!(event_type, Option<String>),
        name!(model, Option<String>),
        name!(user_id, Option<Uuid>),
        name!(events, Numeric),
        name!(tokens_used, Numeric),
        name!(cost, Numeric),
    ),
> {
    let rows = guard(|| {
        let bucket = bucket.unwrap_or("all");
        let groups: Vec<String> = group_by
            .unwrap_or_default()
            .into_iter()
            .map(|group| group.unwrap_or_else(|| "null".to_owned()))
            .collect();
        check(start_at, end_at, bucket, &groups)?;
        let is_service = access::is_service()?;
        let user = match (user_id, is_service) {
            (None, true) => identity::current()?,
            (named, _) => Some(is_of(named)?),
        };
        let has = |group: &str| groups.iter().any(|asked| asked == group);
        if has("user") && !is_service {
            return Err(Error::new(
                SqlState::InsufficientPrivilege,
                "usage by user is for services to read",
            )
            .hint("Leave user out of group_by."));
        }
        let report = |db: &Db| {
            db.rows(
                // A day that is only partly within is summed up from its events there, or is its total less its
                // other events, whichever is the shorter time of those for which there can be events.
                "with asked as (
                    select p.user_id, p.billing_timezone as zone, p.billing_anchor as anchor,
                        lower(first.day) as first_start, upper(first.day) as first_end,
                        lower(last.day) as last_start, upper(last.day) as last_end,
                        lower(first.day) = lower(last.day) as is_one_day, now() + interval '5 minutes' as horizon
                    from carrel.user_profiles as p
                    cross join lateral carrel.usage_period('day'::text, null::interval, p.billing_anchor, p.billing_timezone, $1::timestamptz) as first (day)
                    cross join lateral carrel.usage_period('day'::text, null::interval, p.billing_anchor, p.billing_timezone, $2::timestamptz) as last (day)
                    where $3::uuid is null or p.user_id = $3
                ), timed as (
                    select asked.*,
                        least($1, horizon) - least(first_start, horizon) as before,
                        least(first_end, $2, horizon) - least($1, horizon) as head,
                        least($2, horizon) - least(greatest(last_start, $1), horizon) as tail,
                        least(last_end, horizon) - least($2, horizon) as after
                    from asked
                ), chosen as (
                    select timed.*,
                        case when is_one_day then before + after <= head else before <= head end as has_first,
                        case when is_one_day then before + after <= head else after <= tail end as has_last
                    from timed
                ), part as (
                    select c.user_id, c.zone, c.anchor, t.day, t.period_start, t.event_type, t.model, t.events, t.tokens_used, t.cost
                    from chosen as c join carrel.usage_totals as t on t.user_id = c.user_id
                        and t.day >= carrel.usage_day(c.zone, case when c.has_first then c.first_start else c.first_end end)
                        and t.day < carrel.usage_day(c.zone, case when c.has_last then c.last_end else c.last_start end)
                    union all
                    select c.user_id, c.zone, c.anchor, carrel.usage_day(c.zone, e.occurred_at),
                        carrel.billing_period_start(c.anchor, c.zone, e.occurred_at), e.event_type, coalesce(e.model, ''),
                        edge.sign * case when e.voids is null then 1 else -1 end, edge.sign * e.tokens_used, edge.sign * e.cost
                    from chosen as c
                    cross join lateral (
                        values (-1, c.first_start, $1, c.has_first),
                            (1, $1, least(c.first_end, $2), not c.has_first),
                            (-1, $2, c.last_end, c.has_last),
                            (1, c.last_start, $2, not c.has_last and not c.is_one_day)
                    ) as edge (sign, starts, ends, is_counted)
                    join carrel.usage_events as e on e.user_id = c.user_id
                        and e.occurred_at >= edge.starts and e.occurred_at < edge.ends
                    where edge.is_counted
                ), summed as (
                    select user_id, zone, anchor,
                        case $4::text when 'period' then null when 'all' then null else date_trunc($4, day::timestamp)::date end as day,
                        case when $4 = 'period' then period_start end as period_start,
                        case when 'event_type' = any ($5::text[]) then event_type end as event_type,
                        case when 'model' = any ($5) then model end as model,
                        sum(events) as events, sum(tokens_used) as tokens_used, sum(cost) as cost
                    from part group by 1, 2, 3, 4, 5, 6, 7
                ), bucketed as (
                    select case when $4 = 'period' then period_start else (day::timestamp at time zone zone) end as bucket_start, event_type,
                        nullif(model, '') as model, case when 'user' = any ($5) then user_id end as user_id, events, tokens_used, cost
                    from summed
                )
                select bucket_start, event_type, model, user_id,
                    trim_scale(sum(events)), trim_scale(sum(tokens_used)), trim_scale(sum(cost))
                from bucketed group by 1, 2, 3, 4
                having sum(events) <> 0 or sum(tokens_used) <> 0 or sum(cost) <> 0
                order by 1, 2, 3, 4",
                &[start_at.into(), end_at.into(), user.into(), bucket.into(), groups.clone().into()],
                |row| {
                    Ok((
                        row.get(1),
                        row.get(2),
                        row.get(3),
                        row.get(4),
                        row.need(5)?,
                        row.need(6)?,
                        row.need(7)?,
                    ))
                },
            )
        };
        // One user's are found by an index, everybody's are all read.
        spi::as_owner(Access::Read, |db| db.planned_for_values(|| report(db)))
    });
    TableIterator::new(rows)
}

fn check(
    start: Option<TimestampWithTimeZone>,
    end: Option<TimestampWithTimeZone>,
    bucket: &str,
    groups: &[String],
) -> Result<()> {
    let bad = |message: String| Error::new(SqlState::InvalidParameterValue, message);
    let (Some(start), Some(end)) = (start, end) else {
        return Err(bad("start_at and end_at must not be null".to_owned()));
    };
    let is_finite = |at: TimestampWithTimeZone| !at.is_infinity() && !at.is_neg_infinity();
    if !is_finite(start) || !is_finite(end) || end < start {
        return Err(bad("end_at must not be before start_at, and both finite".to_owned()));
    }
    if !BUCKETS.contains(&bucket) {
        return Err(bad(format!("unknown bucket \"{bucket}\""))
            .hint(format!("Known: {}.", BUCKETS.join(", "))));
    }
    match groups.iter().find(|group| !GROUPS.contains(&group.as_str())) {
        None => Ok(()),
        Some(group) => Err(bad(format!("unknown group \"{group}\""))
            .hint(format!("Known: {}.", GROUPS.join(", ")))),
    }
}
