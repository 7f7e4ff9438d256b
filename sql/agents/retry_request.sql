-- Requeues a request that failed or was cancelled, with all its attempts.
--
-- $1 request
update carrel.agent_requests set status = 'pending', attempts = 0, progress = 0, results = null,
    error = null, run_at = clock_timestamp(), reserved_at = clock_timestamp(), lease_token = null,
    lease_owner = null, lease_expires_at = null, cancel_requested_at = null, started_at = null,
    completed_at = null
where id = $1
