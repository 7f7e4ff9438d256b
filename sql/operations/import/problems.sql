-- What keeps an application's tables from being imported, and what importing them changes. The temporary
-- views import_* have their rows, with the columns and types of carrel's.
with profiles as (
    select
        count(*) filter (where user_id is null) as ownerless,
        count(user_id) - count(distinct user_id) as doubled,
        count(*) filter (where plan_type not in (select plans.plan_type from carrel.plans)) as unknown_plans,
        string_agg(distinct plan_type, ', ') filter (where plan_type not in (select plans.plan_type from carrel.plans)) as plan_names,
        count(*) filter (where subscription_status not in ('active', 'cancelled', 'expired')) as unknown_statuses,
        string_agg(distinct subscription_status, ', ') filter (where subscription_status not in ('active', 'cancelled', 'expired')) as status_names,
        count(*) filter (where not isfinite(coalesce(billing_anchor, created_at))) as endless
    from pg_temp.import_user_profiles
),

documents as (
    select
        count(*) filter (where d.user_id is null) as ownerless,
        count(*) filter (where d.id is null or d.filename is null) as incomplete,
        count(*) filter (where d.file_size < 0) as negative,
        count(*) filter (where d.processing_status not in ('pending', 'processing', 'completed', 'failed')) as unknown_statuses,
        string_agg(distinct d.processing_status, ', ') filter (where d.processing_status not in ('pending', 'processing', 'completed', 'failed')) as status_names,
        count(*) filter (where exists (select from carrel.documents as known where known.id = d.id)) as known,
        count(*) filter (where d.content_text is not null and not exists (
            select from pg_temp.import_document_chunks as c where c.document_id = d.id
        )) as without_chunks
    from pg_temp.import_documents as d
),

chunks as (
    select
        count(*) filter (where c.id is null or c.content is null or c.chunk_index is null or c.chunk_index < 0) as incomplete,
        count(*) filter (where d.id is null) as orphans,
        count(*) - count(distinct row(c.document_id, c.chunk_index)) as doubled,
        count(*) filter (where exists (select from carrel.document_chunks as known where known.id = c.id)) as known
    from pg_temp.import_document_chunks as c left join pg_temp.import_documents as d on c.document_id = d.id
),

sessions as (
    select
        count(*) filter (where s.user_id is null) as ownerless,
        count(*) filter (where s.id is null or jsonb_typeof(s.request_chain) <> 'array') as incomplete,
        count(*) filter (where exists (select from carrel.agent_sessions as known where known.id = s.id)) as known,
        sum((
            select count(*)
            from jsonb_array_elements(case jsonb_typeof(s.request_chain) when 'array' then s.request_chain end) as entry
            where not exists (
                select from pg_temp.import_agent_requests as r
                where r.id::text = lower(entry.value #>> '{}') and r.user_id = s.user_id
            )
        ))::bigint as strangers
    from pg_temp.import_agent_sessions as s
),

requests as (
    select
        count(*) filter (where r.user_id is null) as ownerless,
        count(*) filter (where r.id is null or r.agent_type is null or r.content is null) as incomplete,
        count(*) filter (where r.token_cost < 0) as negative,
        count(*) filter (where not coalesce(r.progress, 0) between 0 and 1) as beyond,
        count(*) filter (where r.status not in ('pending', 'processing', 'completed', 'failed', 'cancelled')) as unknown_statuses,
        string_agg(distinct r.status, ', ') filter (where r.status not in ('pending', 'processing', 'completed', 'failed', 'cancelled')) as status_names,
        count(*) filter (where r.status = 'processing') as begun,
        count(*) filter (where exists (select from carrel.agent_requests as known where known.id = r.id)) as known
    from pg_temp.import_agent_requests as r
),

events as (
    select
        count(*) filter (where e.user_id is null) as ownerless,
        count(*) filter (where e.id is null or coalesce(e.event_type, '') = '') as incomplete,
        count(*) filter (where e.tokens_used not between 0 and 1000000000000000) as bad_tokens,
        count(*) filter (where e.cost not between 0 and 1000000000000000) as bad_costs,
        count(*) filter (where not isfinite(coalesce(e.occurred_at, e.created_at))) as endless,
        count(*) filter (where exists (select from carrel.usage_events as known where known.id = e.id)) as known
    from pg_temp.import_usage_events as e
),

owners as (
    select distinct user_id
    from (
        select user_id from pg_temp.import_user_profiles
        union all
        select user_id from pg_temp.import_documents
        union all
        select user_id from pg_temp.import_agent_sessions
        union all
        select user_id from pg_temp.import_agent_requests
        union all
        select user_id from pg_temp.import_usage_events
    ) as named
    where user_id is not null
),

without_profiles as (
    select count(*) as users
    from owners as o
    where not exists (select from pg_temp.import_user_profiles as p where p.user_id = o.user_id)
        and not exists (select from carrel.user_profiles as p where p.user_id = o.user_id)
)

select found.table_name, found.row_count, found.problem, found.blocks
from (
    select 'user_profiles' as table_name, f.*
    from profiles as p, without_profiles as w, lateral (values
        (p.ownerless, 'without user_id', true),
        (p.doubled, 'more than one profile for a user', true),
        (p.unknown_plans, 'unknown plan_type, to be added to carrel.plans: ' || p.plan_names, true),
        (p.unknown_statuses, 'unknown subscription_status: ' || p.status_names, true),
        (p.endless, 'infinite created_at or billing_anchor', true),
        (w.users, 'profiles made for users who had none', false)
    ) as f (row_count, problem, blocks)
    union all
    select 'documents', f.*
    from documents as d, lateral (values
        (d.ownerless, 'without user_id', true),
        (d.incomplete, 'without id or filename', true),
        (d.negative, 'negative file_size', true),
        (d.unknown_statuses, 'unknown processing_status: ' || d.status_names, true),
        (d.known, 'ids that are in carrel.documents already', true),
        (d.without_chunks, 'texts without chunks, left to carrel.process_documents()', false)
    ) as f (row_count, problem, blocks)
    union all
    select 'document_chunks', f.*
    from chunks as c, lateral (values
        (c.incomplete, 'without id or content, or chunk_index not from 0', true),
        (c.orphans, 'without their document', true),
        (c.doubled, 'more than one chunk of a document with the same chunk_index', true),
        (c.known, 'ids that are in carrel.document_chunks already', true)
    ) as f (row_count, problem, blocks)
    union all
    select 'agent_sessions', f.*
    from sessions as s, lateral (values
        (s.ownerless, 'without user_id', true),
        (s.incomplete, 'without id, or request_chain is no array', true),
        (s.known, 'ids that are in carrel.agent_sessions already', true),
        (s.strangers, 'entries of request_chain that are no requests of the user, left out', false)
    ) as f (row_count, problem, blocks)
    union all
    select 'agent_requests', f.*
    from requests as r, lateral (values
        (r.ownerless, 'without user_id', true),
        (r.incomplete, 'without id, agent_type or content', true),
        (r.negative, 'negative token_cost', true),
        (r.beyond, 'progress not from 0 to 1', true),
        (r.unknown_statuses, 'unknown status: ' || r.status_names, true),
        (r.known, 'ids that are in carrel.agent_requests already', true),
        (r.begun, 'processing, pending again for carrel''s workers', false)
    ) as f (row_count, problem, blocks)
    union all
    select 'usage_events', f.*
    from events as e, lateral (values
        (e.ownerless, 'without user_id', true),
        (e.incomplete, 'without id or event_type', true),
        (e.bad_tokens, 'tokens_used not from 0 to 10^15', true),
        (e.bad_costs, 'cost not from 0 to 10^15', true),
        (e.endless, 'infinite created_at or occurred_at', true),
        (e.known, 'ids that are in carrel.usage_events already', true)
    ) as f (row_count, problem, blocks)
) as found
where found.row_count > 0
