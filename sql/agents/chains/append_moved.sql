-- Appends updated requests to the chains of the sessions that they came into.
--
-- No parameters. Reads the transition tables "added" and "removed".
update carrel.agent_sessions as s set request_chain = s.request_chain || n.ids
from (
    select user_id, session_id, jsonb_agg(id order by created_at, id) as ids
    from (
        select r.user_id, r.session_id, r.id, r.created_at
        from added as r
        where r.session_id is not null and not exists (
            select from removed as o where o.id = r.id and o.session_id = r.session_id
        )
    ) as joined
    where session_id is not null
    group by user_id, session_id
) as n
where s.user_id = n.user_id and s.id = n.session_id
