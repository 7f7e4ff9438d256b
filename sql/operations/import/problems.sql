-- Problems of an application's rows, and changes that the import makes. Reads the rows from
-- import_*, which have carrel's columns and types.
--
-- $1 maximum tokens, or cost, of an event
-- Returns the table, the number of rows, the problem, and true if the rows cannot be imported.
with documents as materialized (
    select
        d.id, d.user_id, d.filename, d.file_size, d.processing_status, d.content_text is not null as has_text, coalesce(c.chunks, 0) as chunks,
        d.processing_status in ('pending', 'processing') as begun
    from import_documents as d
    left join (select document_id, count(*) as chunks from import_document_chunks group by document_id) as c on d.id = c.document_id
),

chunks as materialized (
    select
        c.id, c.document_id, c.chunk_index, c.heading_path, c.start_offset, c.end_offset, d.id as parent_id, c.content is null as is_empty
    from import_document_chunks as c left join (select distinct id from import_documents) as d on c.document_id = d.id
),

chains as materialized (
    select r.id as request_id
    from import_agent_sessions as s
    cross join lateral jsonb_array_elements(case jsonb_typeof(s.request_chain) when 'array' then s.request_chain end) as entry
    left join import_agent_requests as r on r.id::text = lower(entry #>> '{}') and s.user_id = r.user_id
),

owners as materialized (
    select user_id from import_user_profiles
    union
    select user_id from import_documents
    union
    select user_id from import_agent_sessions
    union
    select user_id from import_agent_requests
    union
    select user_id from import_usage_events
),

problems (table_name, row_count, problem, blocks) as (
    -- Profiles.
    select 'user_profiles', count(*), 'without user_id', true from import_user_profiles where user_id is null
    union all
    select 'user_profiles', count(user_id) - count(distinct user_id), 'more than one profile for a user', true from import_user_profiles
    union all
    select 'user_profiles', count(id) - count(distinct id), 'more than one row with the same id', true from import_user_profiles
    union all
    select 'user_profiles', count(*), 'ids that other users have in carrel.user_profiles', true
    from import_user_profiles as i join carrel.user_profiles as p on i.id = p.id and i.user_id <> p.user_id
    union all
    select 'user_profiles', count(*), 'unknown plan_type, to be added to carrel.plans: ' || string_agg(distinct plan_type, ', '), true
    from import_user_profiles where plan_type not in (select p.plan_type from carrel.plans as p)
    union all
    select 'user_profiles', count(*), 'unknown subscription_status: ' || string_agg(distinct subscription_status, ', '), true
    from import_user_profiles where subscription_status not in ('active', 'cancelled', 'expired')
    union all
    select 'user_profiles', count(*), 'profiles made for users who had none', false
    from owners as o
    where o.user_id is not null
        and not exists (select from import_user_profiles as p where p.user_id = o.user_id)
        and not exists (select from carrel.user_profiles as p where p.user_id = o.user_id)
    union all
    select 'user_profiles', count(*), 'profiles that are put on another plan: ' || string_agg(distinct p.plan_type || ' to ' || i.plan_type, ', '), false
    from import_user_profiles as i join carrel.user_profiles as p on i.user_id = p.user_id
    where i.plan_type <> p.plan_type
    -- Documents.
    union all
    select 'documents', count(*), 'without user_id', true from documents where user_id is null
    union all
    select 'documents', count(*), 'without id or filename', true from documents where id is null or filename is null
    union all
    select 'documents', count(id) - count(distinct id), 'more than one row with the same id', true from documents
    union all
    select 'documents', count(*), 'ids that are in carrel.documents already', true
    from documents as i join carrel.documents as d on i.id = d.id
    union all
    select 'documents', count(*), 'negative file_size', true from documents where file_size < 0
    union all
    select 'documents', count(*), 'unknown processing_status: ' || string_agg(distinct processing_status, ', '), true
    from documents where processing_status not in ('pending', 'processing', 'completed', 'failed')
    union all
    select 'documents', count(*), 'texts without chunks, left to carrel.process_documents()', false
    from documents where has_text and chunks = 0 and processing_status is distinct from 'failed'
    union all
    select 'documents', count(*), 'texts that were not cut to the end, left to carrel.process_documents(): their chunks are left out', false
    from documents where has_text and chunks > 0 and begun
    union all
    select 'documents', count(*), 'without a text, and not processed to the end: completed with the chunks that are there', false
    from documents where not has_text and chunks > 0 and begun
    union all
    select 'documents', count(*), 'completed with neither text nor chunks: pending, for carrel.claim_documents()', false
    from documents where not has_text and chunks = 0 and processing_status = 'completed'
    -- Chunks.
    union all
    select 'document_chunks', count(*), 'without id or content, or chunk_index not from 0', true
    from chunks where id is null or is_empty or chunk_index is null or chunk_index < 0
    union all
    select 'document_chunks', count(*), 'without their document', true from chunks where parent_id is null
    union all
    select 'document_chunks', count(*) - count(distinct row(document_id, chunk_index)), 'more than one chunk of a document with the same chunk_index', true
    from chunks
    union all
    select 'document_chunks', count(id) - count(distinct id), 'more than one row with the same id', true from chunks
    union all
    select 'document_chunks', count(*), 'ids that are in carrel.document_chunks already', true
    from chunks as i join carrel.document_chunks as c on i.id = c.id
    union all
    select 'document_chunks', count(*), 'start_offset not from 0, or end_offset before it', true
    from chunks where start_offset < 0 or end_offset < start_offset
    union all
    select 'document_chunks', count(*), 'heading_path with nulls or of more than one dimension', true
    from chunks where case when array_ndims(heading_path) > 1 then true else array_position(heading_path, null) is not null end
    -- Sessions.
    union all
    select 'agent_sessions', count(*), 'without user_id', true from import_agent_sessions where user_id is null
    union all
    select 'agent_sessions', count(*), 'without id, or request_chain is no array', true
    from import_agent_sessions where id is null or jsonb_typeof(request_chain) <> 'array'
    union all
    select 'agent_sessions', count(id) - count(distinct id), 'more than one row with the same id', true from import_agent_sessions
    union all
    select 'agent_sessions', count(*), 'ids that are in carrel.agent_sessions already', true
    from import_agent_sessions as i join carrel.agent_sessions as s on i.id = s.id
    union all
    select 'agent_sessions', count(*), 'entries of request_chain that are no requests of the user, left out', false
    from chains where request_id is null
    union all
    select 'agent_sessions', count(request_id) - count(distinct request_id), 'entries of request_chain that are in another one before, left out', false
    from chains
    -- Requests.
    union all
    select 'agent_requests', count(*), 'without user_id', true from import_agent_requests where user_id is null
    union all
    select 'agent_requests', count(*), 'without id, agent_type or content', true
    from import_agent_requests where id is null or agent_type is null or content is null
    union all
    select 'agent_requests', count(id) - count(distinct id), 'more than one row with the same id', true from import_agent_requests
    union all
    select 'agent_requests', count(*), 'ids that are in carrel.agent_requests already', true
    from import_agent_requests as i join carrel.agent_requests as r on i.id = r.id
    union all
    select 'agent_requests', count(*), 'negative token_cost', true from import_agent_requests where token_cost < 0
    union all
    select 'agent_requests', count(*), 'progress not from 0 to 1', true from import_agent_requests where progress not between 0 and 1
    union all
    select 'agent_requests', count(*), 'max_attempts not from 1', true from import_agent_requests where max_attempts < 1
    union all
    select 'agent_requests', count(*), 'unknown status: ' || string_agg(distinct status, ', '), true
    from import_agent_requests where status not in ('pending', 'processing', 'completed', 'failed', 'cancelled')
    union all
    select 'agent_requests', count(*), 'processing, pending again for carrel''s workers', false
    from import_agent_requests where status = 'processing'
    -- Events; Rust checks their types.
    union all
    select 'usage_events', count(*), 'without user_id', true from import_usage_events where user_id is null
    union all
    select 'usage_events', count(*), 'without id', true from import_usage_events where id is null
    union all
    select 'usage_events', count(id) - count(distinct id), 'more than one row with the same id', true from import_usage_events
    union all
    select 'usage_events', count(*), 'ids that are in carrel.usage_events already', true
    from import_usage_events as i join carrel.usage_events as e on i.id = e.id
    union all
    select 'usage_events', count(*), 'tokens_used not from 0 to 10^15', true from import_usage_events where tokens_used not between 0 and $1
    union all
    select 'usage_events', count(*), 'cost not from 0 to 10^15', true from import_usage_events where cost not between 0 and $1
)

select table_name, row_count, problem, blocks
from problems
where row_count > 0
