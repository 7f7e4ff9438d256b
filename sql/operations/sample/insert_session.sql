-- Inserts a session of the sample, unless it exists.
--
-- $1 id   $2 user_id
insert into carrel.agent_sessions (id, user_id, title, context_state, created_at)
values ($1, $2, 'What my notes say', '{"tone": "brief"}', now() - interval '3 days') on conflict (id) do nothing
