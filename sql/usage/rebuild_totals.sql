-- Computes totals from the events, one row for each total. Its rows have to be deleted before.
--
-- $1 user_id; null: all
insert into carrel.usage_totals
    (user_id, day, period_start, event_type, model, slot, events, tokens_used, cost)
select e.user_id, carrel.usage_day(p.billing_timezone, e.occurred_at),
    carrel.billing_period_start(p.billing_anchor, p.billing_timezone, e.occurred_at),
    e.event_type, coalesce(e.model, ''), 0,
    sum(case when e.voids is null then 1 else -1 end), sum(e.tokens_used), sum(e.cost)
from carrel.usage_events as e join carrel.user_profiles as p on e.user_id = p.user_id
where $1::uuid is null or e.user_id = $1
group by 1, 2, 3, 4, 5
