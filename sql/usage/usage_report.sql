-- Rows of usage_report(): usage between two times by bucket and group.
--
-- $1 start, inclusive   $2 end, exclusive   $3 user_id; null: all
-- $4 bucket: day, week, month, period or all   $5 array of groups: event_type, model, user
--
-- Whole days come from the daily totals. A first or last day that is only partly inside is either
-- added up from its events inside, or is its total less its events outside: whichever of the two
-- spans is shorter. `horizon`: no event can be later, so time after it costs nothing.
with asked as (
    select p.user_id, p.billing_timezone as zone, p.billing_anchor as anchor,
        lower(first.day) as first_start, upper(first.day) as first_end,
        lower(last.day) as last_start, upper(last.day) as last_end,
        lower(first.day) = lower(last.day) as is_one_day, now() + interval '5 minutes' as horizon
    from carrel.user_profiles as p
    cross join lateral carrel.usage_period(
        'day'::text, null::interval, p.billing_anchor, p.billing_timezone, $1::timestamptz
    ) as first (day)
    cross join lateral carrel.usage_period(
        'day'::text, null::interval, p.billing_anchor, p.billing_timezone, $2::timestamptz
    ) as last (day)
    where $3::uuid is null or p.user_id = $3
), timed as (
    select
        *,
        least($1, horizon) - least(first_start, horizon) as before,
        least(first_end, $2, horizon) - least($1, horizon) as head,
        least($2, horizon) - least(greatest(last_start, $1), horizon) as tail,
        least(last_end, horizon) - least($2, horizon) as after
    from asked
), chosen as (
    select
        *,
        case when is_one_day then before + after <= head else before <= head end as has_first,
        case when is_one_day then before + after <= head else after <= tail end as has_last
    from timed
), counted as (
    select c.user_id, c.zone, c.anchor, t.day, t.period_start, t.event_type, t.model,
        t.events, t.tokens_used, t.cost
    from chosen as c join carrel.usage_totals as t on c.user_id = t.user_id
        and t.day >= carrel.usage_day(c.zone, case when c.has_first then c.first_start else c.first_end end)
        and t.day < carrel.usage_day(c.zone, case when c.has_last then c.last_end else c.last_start end)
    union all
    select c.user_id, c.zone, c.anchor, carrel.usage_day(c.zone, e.occurred_at),
        carrel.billing_period_start(c.anchor, c.zone, e.occurred_at), e.event_type, coalesce(e.model, ''),
        edge.sign * case when e.voids is null then 1 else -1 end, edge.sign * e.tokens_used,
        edge.sign * e.cost
    from chosen as c
    cross join lateral (
        values (-1, c.first_start, $1, c.has_first),
            (1, $1, least(c.first_end, $2), not c.has_first),
            (-1, $2, c.last_end, c.has_last),
            (1, c.last_start, $2, not c.has_last and not c.is_one_day)
    ) as edge (sign, starts, ends, is_counted)
    join carrel.usage_events as e on c.user_id = e.user_id
        and edge.starts <= e.occurred_at and edge.ends > e.occurred_at
    where edge.is_counted
), summed as (
    select user_id, zone, anchor,
        case $4::text when 'period' then null when 'all' then null else date_trunc($4, day::timestamp)::date end as day,
        case when $4 = 'period' then period_start end as period_start, -- noqa: ST10
        case when 'event_type' = any($5::text[]) then event_type end as event_type,
        case when 'model' = any($5) then model end as model,
        sum(events) as events, sum(tokens_used) as tokens_used, sum(cost) as cost
    from counted group by 1, 2, 3, 4, 5, 6, 7
), bucketed as (
    select case when $4 = 'period' then period_start else (day::timestamp at time zone zone) end as bucket_start, -- noqa: ST10
        event_type, nullif(model, '') as model, case when 'user' = any($5) then user_id end as user_id,
        events, tokens_used, cost
    from summed
)
select bucket_start, event_type, model, user_id,
    trim_scale(sum(events)), trim_scale(sum(tokens_used)), trim_scale(sum(cost))
from bucketed group by 1, 2, 3, 4
having sum(events) <> 0 or sum(tokens_used) <> 0 or sum(cost) <> 0
order by 1, 2, 3, 4
