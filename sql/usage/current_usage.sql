-- Rows of current_usage(): the limits of a user's plan, and unlimited usage in the billing period.
--
-- $1 user_id   $2 time
-- $3 … $9  limits, one array for each column: event_type, measure, period, used, limit_value,
--          remaining, period_end
with period as (
    select p.user_id, p.billing_timezone, lower(span) as starts, upper(span) as ends
    from carrel.user_profiles as p
    cross join lateral carrel.usage_period(
        'month'::text, null::interval, p.billing_anchor, p.billing_timezone, $2::timestamptz
    ) as span
    where p.user_id = $1::uuid
), limited as (
    select *
    from unnest($3::text[], $4::text[], $5::text[], $6::numeric[], $7::numeric[], $8::numeric[], $9::timestamptz[])
        as k (event_type, measure, period, used, limit_value, remaining, period_end)
), used as (
    select t.event_type, sum(t.events) as events, sum(t.tokens_used) as tokens, sum(t.cost) as cost, period.ends
    from period
    join carrel.usage_totals as t on period.user_id = t.user_id and period.starts = t.period_start
        and t.day >= carrel.usage_day(period.billing_timezone, period.starts)
    group by t.event_type, period.ends
), unlimited as (
    select used.event_type, each.measure, each.used, used.ends
    from used
    cross join lateral (
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
        select from limited
        where limited.event_type = unlimited.event_type and limited.measure = unlimited.measure
            and limited.period = 'month'
    )
) as current_limit (event_type, measure, used, limit_value, remaining, period_end)
order by event_type, measure, period_end
