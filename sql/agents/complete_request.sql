-- Completes the request of an attempt.
--
-- $1 request   $2 lease token   $3 results   $4 tokens of the attempt
-- Returns user_id; no row: the lease is lost. See heartbeat.sql for "is not false".
update carrel.agent_requests
set status = 'completed', progress = 1, results = $3, error = null, token_cost = token_cost + $4,
    completed_at = clock_timestamp(), lease_expires_at = null
where id = $1 and lease_token = $2 and (status = 'processing') is not false
returning user_id
