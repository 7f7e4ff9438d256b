-- export_user() gives everything that carrel holds of a user, row by row, without search vectors.
\set VERBOSITY default
\set ON_ERROR_ROLLBACK on
begin;
set local role carrel_regress_service;
select carrel.act_as('11111111-1111-1111-1111-111111111111');
insert into carrel.agent_sessions (id, title) values ('50000000-0000-0000-0000-000000000001', 'first');
insert into carrel.documents (id, filename, content_text, metadata)
values ('d0000000-0000-0000-0000-000000000001', 'a.md', E'# Title\n\nText of Ada.', '{"tag": 1}');
insert into carrel.agent_requests (id, agent_type, content, session_id)
values ('a0000000-0000-0000-0000-000000000001', 'chat', 'hello', '50000000-0000-0000-0000-000000000001');
select duplicate from carrel.record_usage('chat', 100, 0.25);
select carrel.act_as('22222222-2222-2222-2222-222222222222');
insert into carrel.documents (filename, content_text) values ('b.txt', 'Text of Bob.');

select table_name, row_data ->> 'name' as name, row_data ->> 'title' as title, row_data ->> 'filename' as filename,
    row_data ->> 'content' as content, row_data ->> 'request_chain' as request_chain, row_data ->> 'tokens_used' as tokens
from carrel.export_user('11111111-1111-1111-1111-111111111111');

-- All columns are there but the vectors, which say nothing that the text doesn't.
select table_name, string_agg(attname, ', ' order by attnum) as left_out
from carrel.export_user('11111111-1111-1111-1111-111111111111')
join pg_attribute on attrelid = ('carrel.' || table_name)::regclass and attnum > 0 and not attisdropped and not row_data ? attname
group by 1 order by 1;

-- A user without rows has a profile still; who isn't there has nothing.
select table_name, row_data ->> 'filename' as filename from carrel.export_user('22222222-2222-2222-2222-222222222222');
select * from carrel.export_user('33333333-3333-3333-3333-333333333333');
\echo :LAST_ERROR_SQLSTATE
select * from carrel.export_user(null);
\echo :LAST_ERROR_SQLSTATE

set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "22222222-2222-2222-2222-222222222222"}';
select * from carrel.export_user('22222222-2222-2222-2222-222222222222');
rollback;
