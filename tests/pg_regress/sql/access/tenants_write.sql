-- Nobody writes into another's rows: by no verb, in no table, not by naming them.
\pset format unaligned
begin;
select carrel.act_as('22222222-2222-2222-2222-222222222222');
insert into carrel.documents (id, filename, content_text) values ('d0000000-0000-0000-0000-000000000002', 'of Bob', 'a text'), ('d0000000-0000-0000-0000-000000000003', 'scan of Bob', null);
insert into carrel.agent_sessions (id, title) values ('50000000-0000-0000-0000-000000000002', 'of Bob');
insert into carrel.agent_requests (id, agent_type, content) values ('a0000000-0000-0000-0000-000000000002', 'chat', 'of Bob');
select used from carrel.record_usage('chat', 1);
create temp table before as
select 'documents' as what, md5(string_agg(t::text, '' order by id)) as state from carrel.documents as t
union all select 'chunks', md5(string_agg(t::text, '' order by id)) from carrel.document_chunks as t
union all select 'sessions', md5(string_agg(t::text, '' order by id)) from carrel.agent_sessions as t
union all select 'requests', md5(string_agg(t::text, '' order by id)) from carrel.agent_requests as t;

create function pg_temp.try() returns table (statement text, answer text) language sql as $$
    select statement, public.outcome(statement) from (values
        ('update carrel.user_profiles set name = ''x'' where name = ''Bob'''),
        ('update carrel.documents set filename = ''x'''),
        ('update carrel.documents set content_text = ''x'' where id = ''d0000000-0000-0000-0000-000000000002'''),
        ('delete from carrel.documents'),
        ('update carrel.agent_sessions set title = ''x'''),
        ('delete from carrel.agent_sessions'),
        ('delete from carrel.agent_requests'),
        ('insert into carrel.documents (user_id, filename) values (''22222222-2222-2222-2222-222222222222'', ''x'')'),
        ('insert into carrel.agent_sessions (user_id, title) values (''22222222-2222-2222-2222-222222222222'', ''x'')'),
        ('insert into carrel.agent_requests (user_id, agent_type, content) values (''22222222-2222-2222-2222-222222222222'', ''x'', ''x'')'),
        ('insert into carrel.agent_requests (agent_type, content, session_id) values (''x'', ''x'', ''50000000-0000-0000-0000-000000000002'')'),
        ('insert into carrel.document_chunks (document_id, chunk_index, content) values (''d0000000-0000-0000-0000-000000000003'', 0, ''x'')'),
        ('insert into carrel.document_chunks (user_id, document_id, chunk_index, content) values (''22222222-2222-2222-2222-222222222222'', ''d0000000-0000-0000-0000-000000000003'', 0, ''x'')'),
        ('insert into carrel.documents (id, filename) values (''d0000000-0000-0000-0000-000000000002'', ''x'') on conflict (id) do update set filename = ''x'''),
        ('insert into carrel.documents (id, filename) values (''d0000000-0000-0000-0000-000000000002'', ''x'') on conflict (id) do nothing'),
        ('merge into carrel.documents using (values (1)) as one (n) on documents.id = ''d0000000-0000-0000-0000-000000000002'' when matched then update set filename = ''x'''),
        ('merge into carrel.documents using (values (1)) as one (n) on documents.filename = ''of Bob'' when matched then delete when not matched then insert (user_id, filename) values (''22222222-2222-2222-2222-222222222222'', ''x'')'),
        ('select count(*) from (select from carrel.documents for update) as locked')
    ) as tried (statement)
$$;

-- As Ada.
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select * from pg_temp.try();

-- As nobody, and as a service that acts for Ada: only what differs.
create temp table as_ada as select * from pg_temp.try();
set local request.jwt.claims = '';
select now.* from pg_temp.try() as now join as_ada using (statement) where now.answer <> as_ada.answer order by statement collate "C";
grant select on as_ada to carrel_regress_service;
set local role carrel_regress_service;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select now.* from pg_temp.try() as now join as_ada using (statement) where now.answer <> as_ada.answer order by statement collate "C";

-- All of Bob's is as it was.
reset role;
set local request.jwt.claims = '{"sub": "22222222-2222-2222-2222-222222222222"}';
select what, state = md5(string_agg(t, '' order by id)) as unchanged from before join (
    select 'documents' as what, id, t::text from carrel.documents as t where user_id = carrel.current_user_id()
    union all select 'chunks', id, t::text from carrel.document_chunks as t where user_id = carrel.current_user_id()
    union all select 'sessions', id, t::text from carrel.agent_sessions as t where user_id = carrel.current_user_id()
    union all select 'requests', id, t::text from carrel.agent_requests as t where user_id = carrel.current_user_id()
) as now using (what)
group by what, state order by what;
rollback;
