-- Locks the sessions of inserted requests, in the order of their ids.
--
-- No parameters. Reads the transition table "added".
select from carrel.agent_sessions as s
where (s.user_id, s.id) in (
    select changed.user_id, changed.session_id from added as changed where changed.session_id is not null
)
order by s.id for no key update
