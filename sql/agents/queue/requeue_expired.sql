-- Requeues requests whose lease expired. A request without attempts left fails; one whose cancellation
-- was requested is cancelled. Skips rows that are locked.
--
-- $1 expired leases before this time were handled (null: none)   $2 current time   $3 most rows
-- Returns status, priority, run_at and id.
with expired as materialized (
    select id from carrel.agent_requests
    where status = 'processing' and lease_expires_at >= coalesce($1, '-infinity') and lease_expires_at < $2
    order by lease_expires_at limit $3 for no key update skip locked
)
update carrel.agent_requests as r set
    status = case
        when cancel_requested_at is not null then 'cancelled'
        when attempts < max_attempts then 'pending'
        else 'failed'
    end,
    error = case when cancel_requested_at is null then jsonb_build_object(
        'message', 'the lease of the worker expired', 'worker', lease_owner, 'expired_at', lease_expires_at
    ) else error end,
    lease_expires_at = null,
    completed_at = case
        when cancel_requested_at is not null or attempts >= max_attempts then clock_timestamp()
    end
from expired where r.id = expired.id
returning status, priority, run_at, r.id
