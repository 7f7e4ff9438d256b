-- Ends an attempt that failed: the request is requeued, failed or cancelled.
--
-- $1 request   $2 lease token   $3 status   $4 error   $5 tokens of the attempt
-- $6 interval before the next attempt; null: $7   $7 milliseconds before the next attempt
-- Returns run_at of the next attempt; null: there is none.
update carrel.agent_requests
set status = $3, error = $4, token_cost = token_cost + $5, lease_expires_at = null,
    run_at = case when $3::text = 'pending'
        then clock_timestamp() + coalesce($6, $7 * interval '1 millisecond') else run_at end,
    completed_at = case when $3::text <> 'pending' then clock_timestamp() end
where id = $1 and lease_token = $2
returning case when status = 'pending' then run_at end
