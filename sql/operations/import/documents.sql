-- Inserts an application's users and documents from import_*. Triggers derive nothing, as during a
-- restore.
--
-- No parameters.

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
    i.processing_error, i.content_text, i.storage_path, coalesce(i.language, carrel.default_language()), coalesce(i.metadata, '{}'),
    coalesce(i.created_at, now()), coalesce(i.updated_at, i.created_at, now())
from import_documents as i
left join (select distinct document_id from import_document_chunks) as c on i.id = c.document_id;
