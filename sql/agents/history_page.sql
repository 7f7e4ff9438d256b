-- Requests of the caller, in the order of their ids in an array.
--
-- $1 ids
select r.id, r.agent_type, r.status, r.content, r.results, r.error,
    coalesce(r.results::text, ''), r.created_at
from unnest($1::uuid[]) with ordinality as link (id, ordinal)
join carrel.agent_requests as r on r.user_id = carrel.current_user_id() and link.id = r.id
order by link.ordinal
