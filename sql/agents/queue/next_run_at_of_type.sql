-- run_at of the first pending request of one agent type of a priority from a position on.
--
-- $1 agent type   $2 priority   $3, $4 run_at and id of the position (inclusive)
select run_at from carrel.agent_requests
where status = 'pending' and agent_type = $1 and priority = $2 and (run_at, id) >= ($3, $4)
order by run_at, id limit 1
