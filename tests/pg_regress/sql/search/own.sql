-- A search finds what is the caller's own, and an identity is needed.
\set VERBOSITY default
\set ON_ERROR_ROLLBACK on
begin;
select carrel.act_as('11111111-1111-1111-1111-111111111111');
insert into carrel.documents (id, filename, content_text) values ('d0000000-0000-0000-0000-000000000001', 'Diary of Ada', 'The engine weaves patterns.');
select carrel.act_as('22222222-2222-2222-2222-222222222222');
insert into carrel.documents (id, filename, content_text) values ('d0000000-0000-0000-0000-000000000002', 'Diary of Bob', 'The engine broke down.');

create function pg_temp.found() returns table (what text, filenames text) language sql as $$
    select 'chunks', string_agg(filename, ', ') from carrel.search_chunks('engine')
    union all select 'documents', string_agg(filename, ', ') from carrel.search_documents('diary engine')
    union all select 'by another''s id', string_agg(filename, ', ') from carrel.search_chunks('engine', document_ids => '{d0000000-0000-0000-0000-000000000001}')
$$;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select * from pg_temp.found();
set local request.jwt.claims = '{"sub": "22222222-2222-2222-2222-222222222222"}';
select * from pg_temp.found();
set local request.jwt.claims = '{"sub": "33333333-3333-3333-3333-333333333333"}';
select * from pg_temp.found();

-- The service, and a superuser, whom no policy holds, find what is the user's they act for, too.
set local role carrel_regress_service;
set local request.jwt.claims = '{"sub": "22222222-2222-2222-2222-222222222222"}';
select * from pg_temp.found();
reset role;
select * from pg_temp.found();

-- Nobody.
set local role carrel_regress_user;
set local request.jwt.claims = '';
select * from carrel.search_chunks('engine');
\echo :LAST_ERROR_SQLSTATE
select * from carrel.search_documents('engine');
\echo :LAST_ERROR_SQLSTATE
select * from carrel.search_chunks('');
\echo :LAST_ERROR_SQLSTATE
set local request.jwt.claims = '{"sub": "ada"}';
select * from carrel.search_chunks('engine');
\echo :LAST_ERROR_SQLSTATE
set local role carrel_regress_stranger;
select * from carrel.search_chunks('engine');
rollback;
