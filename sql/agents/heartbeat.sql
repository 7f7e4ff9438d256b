-- Extends the lease of an attempt and raises the progress of its request.
--
-- $1 request   $2 lease token   $3 length of the lease   $4 progress; null: unchanged
-- Returns the end of the lease, and true if cancellation was requested; no row: the lease is lost.
--
-- "is not false" keeps the planner from the partial index of leases: with few requests in processing
-- it looks as good as the primary key, but its dead entries stay while an old snapshot is open.
update carrel.agent_requests
set lease_expires_at = clock_timestamp() + $3, progress = greatest(progress, $4)
where id = $1 and lease_token = $2 and (status = 'processing') is not false
returning lease_expires_at, cancel_requested_at is not null
