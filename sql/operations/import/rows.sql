-- Brings an application's rows in, as import_* have them. What is derived by triggers is
-- derived by them for chunks only; for the rest they stand aside, as in a restore.
set local row_security = off;

update carrel.user_profiles as p
set
    id = coalesce(i.id, p.id),
    name = coalesce(i.name, p.name),
    plan_type = coalesce(i.plan_type, p.plan_type),
    subscription_status = coalesce(i.subscription_status, p.subscription_status),
    billing_anchor = coalesce(i.billing_anchor, i.created_at, p.billing_anchor),
    billing_timezone = coalesce(i.billing_timezone, p.billing_timezone),
    created_at = coalesce(i.created_at, p.created_at),
    updated_at = coalesce(i.updated_at, i.created_at, p.updated_at)
from import_user_profiles as i
where i.user_id = p.user_id;

insert into carrel.user_profiles
(id, user_id, name, plan_type, subscription_status, billing_anchor, billing_timezone, usage_period_start, created_at, updated_at)
select
    coalesce(i.id, carrel.uuid_v7()), i.user_id, i.name, coalesce(i.plan_type, 'free'), coalesce(i.subscription_status, 'active'),
    coalesce(i.billing_anchor, i.created_at, now()), coalesce(i.billing_timezone, 'UTC'),
    coalesce(i.billing_anchor, i.created_at, now()), coalesce(i.created_at, now()), coalesce(i.updated_at, i.created_at, now())
from import_user_profiles as i
where not exists (select from carrel.user_profiles as p where p.user_id = i.user_id);

insert into carrel.user_profiles (user_id)
select user_id from import_documents
union
select user_id from import_agent_sessions
union
select user_id from import_agent_requests
union
select user_id from import_usage_events
except
select user_id from carrel.user_profiles;

insert into carrel.documents
(
    id, user_id, filename, file_type, file_size, processing_status, processing_error, content_text, storage_path,
    language, metadata, created_at, updated_at
)
select
    i.id, i.user_id, i.filename, i.file_type, coalesce(i.file_size, octet_length(i.content_text)),
    case
        when i.processing_status = 'failed' then 'failed'
        when i.processing_status in ('pending', 'processing') and i.content_text is not null then 'pending'
        when c.document_id is not null then 'completed'
        else 'pending'
    end,
    i.processing_error, i.content_text, i.storage_path, coalesce(i.language, 'english'), coalesce(i.metadata, '{}'),
    coalesce(i.created_at, now()), coalesce(i.updated_at, i.created_at, now())
from import_documents as i
left join (select distinct document_id from import_document_chunks) as c on i.id = c.document_id;

set local row_security = on;

-- Those of documents that are to be cut anew are left out.
insert into carrel.document_chunks
(id, user_id, document_id, chunk_index, content, section_title, heading_path, start_offset, end_offset, created_at)
select
    c.id, d.user_id, c.document_id, c.chunk_index, c.content, c.section_title,
    coalesce(c.heading_path, case when c.section_title is null then '{}' else array[c.section_title] end),
    c.start_offset, c.end_offset, coalesce(c.created_at, d.created_at, now())
from import_document_chunks as c
join carrel.documents as d on c.document_id = d.id
where d.processing_status <> 'pending';

set local row_security = off;

-- A request is in the first session that names it, once.
with chains as (
    select distinct on (r.id) r.id as request_id, s.id as session_id, entry.place
    from import_agent_sessions as s
    cross join lateral jsonb_array_elements(s.request_chain) with ordinality as entry (value, place)
    join import_agent_requests as r on r.id::text = lower(entry.value #>> '{}') and s.user_id = r.user_id
    order by r.id, s.created_at, s.id, entry.place
),

sessions as (
    insert into carrel.agent_sessions (id, user_id, title, request_chain, context_state, created_at, updated_at)
    select
        i.id, i.user_id, i.title, coalesce(c.request_chain, '[]'), coalesce(i.context_state, '{}'),
        coalesce(i.created_at, now()), coalesce(i.updated_at, i.created_at, now())
    from import_agent_sessions as i
    left join (select session_id, jsonb_agg(request_id order by place) as request_chain from chains group by session_id) as c on i.id = c.session_id
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
