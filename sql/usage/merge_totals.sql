-- Merges the rows that several backends have of one total, on past days. Skips rows that are
-- locked.
--
-- $1 user_id   $2 first day   $3 today, exclusive
with split as (
    select day, period_start, event_type, model from carrel.usage_totals
    where user_id = $1 and day >= $2 and day < $3
    group by day, period_start, event_type, model having count(*) > 1
), held as materialized (
    select t.* from carrel.usage_totals as t
    where t.user_id = $1 and t.day >= $2 and t.day < $3
        and (t.day, t.period_start, t.event_type, t.model) in (select s.day, s.period_start, s.event_type, s.model from split as s)
    for update skip locked
), merged as (
    select day, period_start, event_type, model, min(slot) as slot,
        sum(events) as events, sum(tokens_used) as tokens_used, sum(cost) as cost
    from held group by day, period_start, event_type, model
), gone as (
    delete from carrel.usage_totals as t
    using held join merged using (day, period_start, event_type, model)
    where t.user_id = $1 and held.slot > merged.slot
        and (t.day, t.period_start, t.event_type, t.model, t.slot)
            = (held.day, held.period_start, held.event_type, held.model, held.slot)
)
update carrel.usage_totals as t
set events = merged.events, tokens_used = merged.tokens_used, cost = merged.cost
from merged
where t.user_id = $1
    and (t.day, t.period_start, t.event_type, t.model, t.slot)
        = (merged.day, merged.period_start, merged.event_type, merged.model, merged.slot)
