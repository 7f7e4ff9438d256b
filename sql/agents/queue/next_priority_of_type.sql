-- First pending request of one agent type of the highest priority between two priorities (exclusive).
--
-- $1 agent type   $2 upper priority   $3 lower priority
-- Returns priority, run_at and id.
select priority, run_at, id from carrel.agent_requests
where status = 'pending' and agent_type = $1 and priority < $2::bigint and priority > $3::bigint
order by priority desc, run_at asc, id asc limit 1
