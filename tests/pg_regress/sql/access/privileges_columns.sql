-- The columns that end users may update where they may not update the whole table; services have no
-- privilege on columns alone.
select relname as table_name, coalesce(rolname, 'public') as grantee, privilege_type,
    string_agg(attname, ', ' order by attnum) as columns
from pg_class as c
join pg_attribute as a on a.attrelid = c.oid
cross join aclexplode(attacl) as acl
left join pg_roles as r on r.oid = grantee
where relnamespace = 'carrel'::regnamespace and relkind = 'r'
group by 1, 2, 3 order by 1, 2, 3;

-- What is not theirs to write is refused.
\pset format unaligned
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (id, filename, content_text) values ('d0000000-0000-0000-0000-000000000001', 'a.txt', 'one');
insert into carrel.agent_sessions (id, title) values ('50000000-0000-0000-0000-000000000001', 'first');
select statement, outcome(statement) from (values
    ('update carrel.user_profiles set name = ''Ada L.'''),
    ('update carrel.user_profiles set plan_type = ''enterprise'''),
    ('update carrel.user_profiles set usage_count = 0'),
    ('update carrel.user_profiles set billing_anchor = now()'),
    ('update carrel.user_profiles set subscription_status = ''active'''),
    ('update carrel.user_profiles set user_id = ''22222222-2222-2222-2222-222222222222'''),
    ('update carrel.documents set filename = ''b.txt'', file_type = ''text/plain'', content_text = ''two'', storage_path = ''s'', language = ''simple'', metadata = ''{}'''),
    ('update carrel.documents set processing_status = ''completed'''),
    ('update carrel.documents set search_vector = null'),
    ('update carrel.documents set file_size = 1'),
    ('update carrel.documents set user_id = ''22222222-2222-2222-2222-222222222222'''),
    ('update carrel.document_chunks set content = ''three'''),
    ('delete from carrel.document_chunks'),
    ('update carrel.agent_sessions set title = ''t'', context_state = ''{"a": 1}'''),
    ('update carrel.agent_sessions set request_chain = ''[]'''),
    ('update carrel.agent_sessions set version = 7'),
    ('update carrel.agent_requests set content = ''other'''),
    ('update carrel.usage_events set cost = 0'),
    ('delete from carrel.usage_events'),
    ('delete from carrel.user_profiles'),
    ('insert into carrel.user_profiles (user_id) values (''11111111-1111-1111-1111-111111111111'')'),
    ('insert into carrel.usage_events (event_type) values (''tokens'')'),
    ('truncate carrel.documents'),
    ('select count(*) from carrel.plans'),
    ('select count(*) from carrel.usage_totals'),
    ('select count(*) from carrel.usage_archive'),
    ('select count(*) from carrel.granted_roles'),
    ('select count(*) from carrel.migrations')
) as tried (statement);
rollback;
