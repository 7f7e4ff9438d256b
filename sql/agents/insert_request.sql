-- Inserts a request of the caller, unless the caller has a request with the idempotency key.
--
-- $1 agent_type   $2 content   $3 session_id   $4 priority   $5 run_at (null: now)
-- $6 max_attempts   $7 idempotency_key   $8 payload_hash   $9 reserve_tokens
-- Returns the id; no row: the key is taken.
insert into carrel.agent_requests (agent_type, content, session_id, priority, run_at, max_attempts,
    idempotency_key, payload_hash, reserve_tokens)
values ($1, $2, $3, $4, coalesce($5, now()), $6, $7, $8, $9)
on conflict (user_id, idempotency_key) where idempotency_key is not null do nothing
returning id
