-- Locks the request of an attempt.
--
-- $1 request   $2 lease token
-- Returns user_id, attempts, true if attempts are left, and true if cancellation was requested; no row:
-- the lease is lost. See heartbeat.sql for "is not false".
select user_id, attempts, attempts < max_attempts, cancel_requested_at is not null
from carrel.agent_requests
where id = $1 and lease_token = $2 and (status = 'processing') is not false
for no key update
