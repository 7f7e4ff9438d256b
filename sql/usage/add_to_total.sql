-- Adds to a backend's row of a total, unless another transaction has it locked.
--
-- $1 user_id   $2 day   $3 period_start   $4 event_type   $5 model   $6 slot
-- $7 events   $8 tokens   $9 cost
update carrel.usage_totals as t
set events = t.events + $7, tokens_used = t.tokens_used + $8, cost = t.cost + $9
where (t.user_id, t.day, t.period_start, t.event_type, t.model, t.slot) = (
    select o.user_id, o.day, o.period_start, o.event_type, o.model, o.slot
    from carrel.usage_totals as o
    where o.user_id = $1 and o.day = $2 and o.period_start = $3 and o.event_type = $4 and o.model = $5
        and o.slot = $6
    for update skip locked
)
