-- Inserts a backend's row of a total, unless the row exists.
--
-- $1 user_id   $2 day   $3 period_start   $4 event_type   $5 model   $6 slot
-- $7 events   $8 tokens   $9 cost
insert into carrel.usage_totals
    (user_id, day, period_start, event_type, model, slot, events, tokens_used, cost)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (user_id, day, period_start, event_type, model, slot) do nothing
