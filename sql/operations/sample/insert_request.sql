-- Inserts a request of the sample, unless it exists.
--
-- $1 id   $2 user_id   $3 session_id   $4 content   $5 status   $6 position in the session
insert into carrel.agent_requests
    (id, user_id, session_id, agent_type, content, status, progress, results, error, token_cost, created_at, completed_at)
select $1, $2, $3, 'chat', $4, $5, case $5 when 'completed' then 1 else 0 end,
    case $5 when 'completed' then jsonb_build_object('text', 'It is in your notes: see the section with that name.') end,
    case $5 when 'failed' then jsonb_build_object('message', 'the scan has no text') end,
    case $5 when 'completed' then 350 else 0 end, now() - (6 - $6) * interval '1 hour',
    case when $5::text <> 'pending' then now() - (6 - $6) * interval '1 hour' + interval '20 seconds' end
on conflict (id) do nothing
