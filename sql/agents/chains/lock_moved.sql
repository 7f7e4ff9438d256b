-- Locks the sessions of updated requests, before and after the update, in the order of their ids.
--
-- No parameters. Reads the transition tables "added" and "removed".
select from carrel.agent_sessions as s
where (s.user_id, s.id) in (
    select changed.user_id, changed.session_id
    from (
        select * from added
        union all
        select * from removed
    ) as changed
    where changed.session_id is not null
)
order by s.id for no key update
