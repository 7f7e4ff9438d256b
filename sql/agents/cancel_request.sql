-- Cancels a request, or records the cancellation for the worker that holds it.
--
-- $1 request
-- Returns the status.
update carrel.agent_requests set
    status = case when is_held then status else 'cancelled' end,
    cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()),
    completed_at = case when not is_held then clock_timestamp() end,
    lease_expires_at = case when is_held then lease_expires_at end
from (
    select status = 'processing' and coalesce(lease_expires_at > clock_timestamp(), false) as is_held
    from carrel.agent_requests where id = $1
) as now
where id = $1 returning status
