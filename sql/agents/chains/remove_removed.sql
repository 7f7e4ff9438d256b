-- Removes deleted requests from the chains of their sessions.
--
-- No parameters. Reads the transition table "removed".
update carrel.agent_sessions as s set request_chain = (
    select coalesce(jsonb_agg(link.id order by link.ordinal), '[]')
    from jsonb_array_elements(s.request_chain) with ordinality as link (id, ordinal)
    left join removed as gone on gone.session_id = s.id and to_jsonb(gone.id) = link.id
    where gone.id is null
)
where (s.user_id, s.id) in (
    select user_id, session_id from removed where session_id is not null
)
