-- Copies the finished requests of a session into its fork. Copies have no cost.
--
-- $1 session   $2 fork   $3 position in the chain of the last request to copy
-- Returns the ids of the copies, in the order of the chain.
with source as materialized (
    select link.ordinal, carrel.uuid_v7() as new_id, r.*
    from carrel.agent_sessions as s
    cross join lateral jsonb_array_elements(s.request_chain) with ordinality as link (id, ordinal)
    join carrel.agent_requests as r on s.user_id = r.user_id and (link.id #>> '{}')::uuid = r.id
    where s.id = $1 and link.ordinal <= $3 and r.status in ('completed', 'failed', 'cancelled')
), copies as (
    insert into carrel.agent_requests (id, user_id, session_id, agent_type, content, status, progress, results, error,
        priority, attempts, max_attempts, run_at, cancel_requested_at, created_at, started_at, completed_at)
    select new_id, user_id, $2, agent_type, content, status, progress, results, error,
        priority, attempts, max_attempts, run_at, cancel_requested_at, created_at, started_at, completed_at
    from source
    returning id
)
select copies.id from copies join source on copies.id = source.new_id order by source.ordinal
