-- Rows of stats(): name, value and detail. Row counts of tables above 64 MB come from the last
-- ANALYZE.
--
-- No parameters.
with tables (name, size, estimate) as (
    select c.relname::text, pg_relation_size(c.oid), c.reltuples::numeric
    from pg_class as c
    where c.relnamespace = 'carrel'::regnamespace and c.relkind = 'r'
),

counted (name, value, detail) as (
    select t.name || '.rows', n.value, n.detail
    from tables as t
    cross join lateral (
        select
            case
                when t.estimate >= 0 and t.size >= 67108864 then t.estimate
                when t.name = 'user_profiles' then (select count(*) from carrel.user_profiles)
                when t.name = 'documents' then (select count(*) from carrel.documents)
                when t.name = 'document_chunks' then (select count(*) from carrel.document_chunks)
                when t.name = 'agent_sessions' then (select count(*) from carrel.agent_sessions)
                when t.name = 'agent_requests' then (select count(*) from carrel.agent_requests)
                when t.name = 'usage_events' then (select count(*) from carrel.usage_events)
            end as value,
            case when t.estimate >= 0 and t.size >= 67108864 then 'estimated' end as detail
    ) as n
    where n.value is not null
),

-- Share of rows with each status, from the planner's statistics.
estimated (name, status, share) as (
    select s.tablename::text, v.status, v.share
    from pg_stats as s
    cross join lateral unnest(s.most_common_vals::text::text[], s.most_common_freqs) as v (status, share)
    where s.schemaname = 'carrel' and (s.tablename, s.attname) in (('documents', 'processing_status'), ('agent_requests', 'status'))
),

statuses (name, status, value, detail) as (
    select 'documents', d.processing_status, count(*), null
    from carrel.documents as d
    where (select t.size < 67108864 or t.estimate < 0 from tables as t where t.name = 'documents')
    group by d.processing_status
    union all
    select 'agent_requests', r.status, count(*), null
    from carrel.agent_requests as r
    where (select t.size < 67108864 or t.estimate < 0 from tables as t where t.name = 'agent_requests')
    group by r.status
    union all
    select g.name, g.status, round(g.share::numeric * t.estimate), 'estimated'
    from estimated as g
    join tables as t on g.name = t.name
    where t.size >= 67108864 and t.estimate >= 0
),

by_status (name, value, detail) as (
    select k.name || '.' || k.status, coalesce(s.value, 0), s.detail
    from (
        values
        ('documents', 'completed'), ('documents', 'failed'),
        ('agent_requests', 'completed'), ('agent_requests', 'failed'), ('agent_requests', 'cancelled')
    ) as k (name, status)
    left join statuses as s on k.name = s.name and k.status = s.status
),

pending_documents as (
    select count(*) as documents, min(created_at) filter (where isfinite(created_at)) as oldest
    from carrel.documents where processing_status = 'pending' and content_text is not null
),

awaited_documents as (
    select count(*) as documents, min(created_at) filter (where isfinite(created_at)) as oldest
    from carrel.documents
    where content_text is null and (processing_status = 'pending' or processing_status = 'processing')
),

pending_requests as (
    select count(*) as requests, count(*) filter (where run_at <= clock_timestamp()) as due,
        min(run_at) filter (where isfinite(run_at)) as oldest
    from carrel.agent_requests where status = 'pending'
),

leases as (
    select count(*) as requests, count(*) filter (where lease_expires_at < clock_timestamp()) as expired
    from carrel.agent_requests where status = 'processing'
),

reservations as (
    select count(*) as reservations, count(*) filter (where expires_at < clock_timestamp()) as expired
    from carrel.usage_reservations where state = 'held'
),

indexes as (
    select
        count(*) as indexes, count(*) filter (where not i.indisvalid) as invalid,
        string_agg(i.indexrelid::regclass::text, ', ' order by i.indexrelid::regclass::text) filter (where not i.indisvalid) as names,
        sum(pg_relation_size(i.indexrelid)) as bytes
    from pg_index as i join pg_class as c on i.indrelid = c.oid
    where c.relnamespace = 'carrel'::regnamespace and c.relkind = 'r'
)

select s.name, s.value::numeric, s.detail
from (
    select 1 as section, c.name, c.value, c.detail from counted as c
    union all
    select 2, b.name, b.value, b.detail from by_status as b
    union all
    select 2, 'documents.pending', documents, 'process_documents() takes them' from pending_documents
    union all
    select 2, 'documents.without_text', documents, 'claim_documents() gives them to workers' from awaited_documents
    union all
    select 2, 'agent_requests.pending', requests, null from pending_requests
    union all
    select 2, 'agent_requests.processing', requests, null from leases
    union all
    select 3, 'agent_requests.due', due, 'pending, and to be started by now' from pending_requests
    union all
    select 3, 'agent_requests.oldest_due_seconds', greatest(extract(epoch from clock_timestamp() - oldest), 0), null from pending_requests
    union all
    select 3, 'agent_requests.expired_leases', expired, 'their workers stopped; claim_requests() requeues the requests' from leases
    union all
    select 3, 'documents.oldest_pending_seconds', greatest(extract(epoch from clock_timestamp() - oldest), 0), null from pending_documents
    union all
    select 3, 'documents.oldest_without_text_seconds', greatest(extract(epoch from clock_timestamp() - oldest), 0), null from awaited_documents
    union all
    select 4, 'usage_reservations.held', reservations, null from reservations
    union all
    select 4, 'usage_reservations.expired', expired, 'hold no allowance' from reservations
    union all
    select 5, t.relname || '.bytes', pg_total_relation_size(t.relid), 'with indexes: ' || pg_size_pretty(pg_total_relation_size(t.relid))
    from pg_stat_all_tables as t where t.schemaname = 'carrel'
    union all
    select 6, t.relname || '.dead_rows', t.n_dead_tup, 'last vacuumed ' || coalesce(greatest(t.last_vacuum, t.last_autovacuum)::text, 'never')
    from pg_stat_all_tables as t where t.schemaname = 'carrel'
    union all
    select 7, 'indexes.bytes', bytes, indexes || ' indexes' from indexes
    union all
    select 7, 'indexes.invalid', invalid, names from indexes
) as s
order by s.section, s.name
