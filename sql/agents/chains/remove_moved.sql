-- Removes updated requests from the chains of the sessions that they left.
--
-- No parameters. Reads the transition tables "added" and "removed".
update carrel.agent_sessions as s set request_chain = (
    select coalesce(jsonb_agg(link.id order by link.ordinal), '[]')
    from jsonb_array_elements(s.request_chain) with ordinality as link (id, ordinal)
    left join (
        select r.user_id, r.session_id, r.id
        from removed as r
        where r.session_id is not null and not exists (
            select from added as o where o.id = r.id and o.session_id = r.session_id
        )
    ) as gone on gone.session_id = s.id and to_jsonb(gone.id) = link.id
    where gone.id is null
)
where (s.user_id, s.id) in (
    select r.user_id, r.session_id
    from removed as r
    where r.session_id is not null and not exists (
        select from added as o where o.id = r.id and o.session_id = r.session_id
    )
)
