-- Finds the row that a void conflicts with: the event's void, else the row with the key.
--
-- $1 user_id   $2 id of the event   $3 reason   $4 idempotency key, or null
-- Returns its id, true if event, reason and key match, and true if it voids the event.
select id,
    (voids is not distinct from $2 and metadata ->> 'reason' = $3 and idempotency_key is not distinct from $4),
    voids = $2
from carrel.usage_events
where user_id = $1 and (voids = $2 or idempotency_key = $4)
order by voids = $2 desc nulls last limit 1
