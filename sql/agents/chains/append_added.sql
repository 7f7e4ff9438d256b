-- Appends inserted requests to the chains of their sessions.
--
-- No parameters. Reads the transition table "added".
update carrel.agent_sessions as s set request_chain = s.request_chain || n.ids
from (
    select user_id, session_id, jsonb_agg(id order by created_at, id) as ids
    from added
    where session_id is not null
    group by user_id, session_id
) as n
where s.user_id = n.user_id and s.id = n.session_id
