-- Rows of verify_usage(): differences between the ledger and the totals, settled reservations and
-- counters.
--
-- $1 user_id; null: all
-- $2 … $7  allocated limits whose shares do not add up, one array for each column: user_id,
--          event_type, measure, period_start, expected, found
with events as (
    select e.user_id, carrel.usage_day(p.billing_timezone, e.occurred_at) as day,
        carrel.billing_period_start(p.billing_anchor, p.billing_timezone, e.occurred_at) as period_start,
        e.event_type, coalesce(e.model, '') as model,
        sum(case when e.voids is null then 1 else -1 end)::numeric as events,
        sum(e.tokens_used) as tokens_used, sum(e.cost) as cost
    from carrel.usage_events as e
    join carrel.user_profiles as p on e.user_id = p.user_id
    where $1::uuid is null or e.user_id = $1
    group by 1, 2, 3, 4, 5
), totals as (
    select t.user_id, t.day, t.period_start, t.event_type, t.model,
        sum(t.events) as events, sum(t.tokens_used) as tokens_used, sum(t.cost) as cost
    from carrel.usage_totals as t where $1 is null or t.user_id = $1
    group by 1, 2, 3, 4, 5
)
select user_id,
    format('%s of %s%s on %s in the period from %s', measure.what, event_type, nullif(' with ' || model, ' with '), day, period_start),
    measure.expected, measure.found
from events full join totals using (user_id, day, period_start, event_type, model)
cross join lateral (
    values
        ('events', coalesce(events.events, 0), coalesce(totals.events, 0)),
        ('tokens_used', coalesce(events.tokens_used, 0), coalesce(totals.tokens_used, 0)),
        ('cost', coalesce(events.cost, 0), coalesce(totals.cost, 0))
) as measure (what, expected, found)
where measure.expected <> measure.found
union all
select user_id, format('what is left of %s of %s in the period from %s', measure, event_type, period_start),
    expected, found
from unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::numeric[], $7::numeric[])
    as k (user_id, event_type, measure, period_start, expected, found)
union all
select r.user_id, format('event of reservation %s', r.id), 1, count(e.id)
from carrel.usage_reservations as r
left join carrel.usage_events as e on r.event_id = e.id and r.user_id = e.user_id and e.voids is null
where r.state = 'settled' and ($1 is null or r.user_id = $1)
group by r.user_id, r.id having count(e.id) <> 1 -- noqa: AM06
union all
select p.user_id, 'usage_count', greatest(requests.events, 0), p.usage_count::numeric
from carrel.user_profiles as p
cross join lateral (
    select coalesce(sum(e.events), 0) as events from events as e
    where e.user_id = p.user_id and e.event_type = 'agent_request' and e.period_start = p.usage_period_start
) as requests
where ($1 is null or p.user_id = $1) and greatest(requests.events, 0) <> p.usage_count
order by 1, 2
