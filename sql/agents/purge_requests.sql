-- Deletes requests that finished long ago, oldest first. Skips requests and sessions that are locked:
-- the chain of a session changes with its requests.
--
-- $1 age   $2 most rows   $3, $4 completed_at and id of the last request seen (null: none)
-- Returns the number of requests seen, the number deleted, and completed_at and id of the last seen.
with old as materialized (
    select id, session_id, completed_at from carrel.agent_requests
    where status in ('completed', 'failed', 'cancelled')
        and completed_at < clock_timestamp() - $1::interval
        and (completed_at, id) > (coalesce($3::timestamptz, '-infinity'), coalesce($4::uuid, '00000000-0000-0000-0000-000000000000'))
    order by completed_at, id limit $2 for update skip locked
), sessions as materialized (
    select id from carrel.agent_sessions where id = any(array(select old.session_id from old))
    order by id for no key update skip locked
), deleted as (
    delete from carrel.agent_requests where id = any(array(
        select old.id from old where old.session_id is null or old.session_id in (select sessions.id from sessions)
    ))
    returning id
)
select (select count(*) from old), (select count(*) from deleted), last.completed_at, last.id
from (values (1)) as one -- noqa: ST11
left join (select completed_at, id from old order by completed_at desc, id desc limit 1) as last on true
