-- Claims pending requests of one agent type and one priority from a position on, in the order of run_at
-- and id. Skips rows that are locked.
--
-- $1 agent type   $2 priority   $3, $4 run_at and id of the position (inclusive)   $5 most rows
-- $6 worker   $7 length of the lease
-- Returns the columns of claim_requests() and run_at, in no order.
with next as materialized (
    select id from carrel.agent_requests
    where status = 'pending' and agent_type = $1 and priority = $2 and (run_at, id) >= ($3, $4) and run_at <= clock_timestamp()
    order by run_at, id limit $5 for no key update skip locked
)
update carrel.agent_requests as r
set status = 'processing', attempts = attempts + 1, progress = 0, lease_token = carrel.lease_token(),
    lease_owner = $6, lease_expires_at = clock_timestamp() + $7, started_at = clock_timestamp()
from next where r.id = next.id
returning r.id, user_id, session_id, agent_type, content, attempts, lease_token, lease_expires_at,
    priority, max_attempts, created_at, run_at
