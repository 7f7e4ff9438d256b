-- Inserts the void of an event: its negated amounts, in its period. Returns the id; no row: the
-- event has a void, or the key is used.
--
-- $1 id of the event   $2 reason   $3 idempotency key, or null
insert into carrel.usage_events
    (user_id, event_type, tokens_used, cost, metadata, idempotency_key, occurred_at, model, voids, request_id)
select user_id, event_type, -tokens_used, -cost, jsonb_build_object('reason', $2::text), $3, occurred_at, model,
    id, request_id
from carrel.usage_events where id = $1
on conflict do nothing
returning id
