-- Inserts an application's sessions, requests and usage. Triggers derive nothing, as during a
-- restore.
--
-- No parameters.

-- A request belongs to the first session that names it, once.
with chains as (
    select distinct on (r.id) r.id as request_id, s.id as session_id, entry.ordinal
    from import_agent_sessions as s
    cross join lateral jsonb_array_elements(s.request_chain) with ordinality as entry (value, ordinal)
    join import_agent_requests as r on r.id::text = lower(entry.value #>> '{}') and s.user_id = r.user_id
    order by r.id, s.created_at, s.id, entry.ordinal
),

sessions as (
    insert into carrel.agent_sessions (id, user_id, title, request_chain, context_state, created_at, updated_at)
    select
        i.id, i.user_id, i.title, coalesce(c.request_chain, '[]'), coalesce(i.context_state, '{}'),
        coalesce(i.created_at, now()), coalesce(i.updated_at, i.created_at, now())
    from import_agent_sessions as i
    left join (select session_id, jsonb_agg(request_id order by ordinal) as request_chain from chains group by session_id) as c on i.id = c.session_id
)

insert into carrel.agent_requests
(
    id, user_id, session_id, agent_type, content, status, progress, results, token_cost, error, priority, max_attempts, run_at,
    created_at, started_at, completed_at, updated_at
)
select
    i.id, i.user_id, c.session_id, i.agent_type, i.content,
    case when coalesce(i.status, 'pending') = 'processing' then 'pending' else coalesce(i.status, 'pending') end,
    case when coalesce(i.status, 'pending') in ('pending', 'processing') then 0 else coalesce(i.progress, 0) end,
    i.results, coalesce(i.token_cost, 0), i.error, coalesce(i.priority, 0), coalesce(i.max_attempts, 3),
    coalesce(i.created_at, now()), coalesce(i.created_at, now()), i.started_at,
    case when i.status in ('completed', 'failed', 'cancelled') then coalesce(i.completed_at, i.updated_at, i.created_at, now()) end,
    coalesce(i.updated_at, i.created_at, now())
from import_agent_requests as i
left join chains as c on i.id = c.request_id;

insert into carrel.usage_events
(id, user_id, event_type, tokens_used, cost, metadata, model, token_types, request_id, occurred_at, created_at)
select
    i.id, i.user_id, i.event_type, coalesce(i.tokens_used, 0), coalesce(i.cost, 0), coalesce(i.metadata, '{}'), i.model,
    i.token_types, i.request_id, coalesce(i.occurred_at, i.created_at, now()), coalesce(i.created_at, i.occurred_at, now())
from import_usage_events as i
