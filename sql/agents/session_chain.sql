-- Ids of the requests of the caller's session, latest first.
--
-- $1 session
-- Returns an array; no row: no such session.
select array(
    select (link.id #>> '{}')::uuid
    from jsonb_array_elements(s.request_chain) with ordinality as link (id, ordinal)
    order by link.ordinal desc
)
from carrel.agent_sessions as s
where s.id = $1 and s.user_id = carrel.current_user_id()
