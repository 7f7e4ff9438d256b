-- What users do with their sessions.
\set VERBOSITY terse
\set ON_ERROR_ROLLBACK on
\pset format unaligned
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
create function pg_temp.chain(wanted text) returns text language sql as $$
    select string_agg(r.content || coalesce(' (' || r.status || ')', ' (gone)'), ', ' order by place)
    from carrel.agent_sessions as s cross join jsonb_array_elements_text(request_chain) with ordinality as link (id, place)
    left join carrel.agent_requests as r on r.id = link.id::uuid and r.session_id = s.id
    where title = wanted
$$;
select carrel.create_session('Plans', '{"step": 1, "exact": 0.10000000000000000000001}') as plans \gset
select carrel.create_session() as other \gset
select title, context_state, version, request_chain from carrel.agent_sessions order by title;
select carrel.create_session('x', '[]');
\echo :LAST_ERROR_SQLSTATE
select carrel.create_session('x', null);
\echo :LAST_ERROR_SQLSTATE

-- The state is patched, and its version says so.
select * from carrel.patch_session_state(:'plans', '{"step": null, "who": {"name": "Ada", "at": "home"}}');
select * from carrel.patch_session_state(:'plans', '{"who": {"at": null}}', 1);
select outcome(format('select * from carrel.patch_session_state(%L, ''{"step": 3}'', 1)', :'plans')) like 'PT409: session % has changed: its version is 2%' as is_stale;
select * from carrel.patch_session_state(:'plans', '{}', expected_version => 2);
select * from carrel.patch_session_state(:'plans', '3');
\echo :LAST_ERROR_SQLSTATE
select * from carrel.patch_session_state(:'plans', null);
\echo :LAST_ERROR_SQLSTATE
select * from carrel.patch_session_state(:'plans', (repeat('{"a":', 300) || '1' || repeat('}', 300))::jsonb);
\echo :LAST_ERROR_SQLSTATE
update carrel.agent_sessions set context_state = context_state || '{"step": 4}' where title = 'Plans' returning version;
update carrel.agent_sessions set title = 'Plans' where title = 'Plans' returning version;

-- Requests come to it, in the order in which they come.
insert into carrel.agent_requests (id, session_id, agent_type, content) values
    ('a0000000-0000-0000-0000-000000000001', null, 'chat', 'one'),
    ('a0000000-0000-0000-0000-000000000002', :'plans', 'chat', 'two'),
    ('a0000000-0000-0000-0000-000000000003', :'other', 'chat', 'three'),
    ('a0000000-0000-0000-0000-000000000004', :'plans', 'chat', 'four');
select carrel.append_to_session(:'plans', 'a0000000-0000-0000-0000-000000000001');
select carrel.append_to_session(:'plans', 'a0000000-0000-0000-0000-000000000002');
select pg_temp.chain('Plans'), version from carrel.agent_sessions where title = 'Plans';
\set VERBOSITY sqlstate
select carrel.append_to_session(:'plans', 'a0000000-0000-0000-0000-000000000003');
select carrel.append_to_session(:'plans', 'a0000000-0000-0000-0000-000000000009');
select carrel.append_to_session('50000000-0000-0000-0000-000000000009', 'a0000000-0000-0000-0000-000000000001');
select carrel.append_to_session(:'plans', null);

-- Some are done.
reset role;
select count(*) from carrel.claim_requests('w', 10);
select count(*) from carrel.agent_requests as r cross join lateral carrel.complete_request(r.id, r.lease_token, jsonb_build_object('answer', content), tokens => 10) where content in ('one', 'four');
set local role carrel_regress_user;
select pg_temp.chain('Plans');
select content, status, results, tokens from carrel.session_history(:'plans');
select content from carrel.session_history(:'plans', max_requests => 2);
select content, sum(tokens) over (order by created_at) from carrel.session_history(:'plans', max_tokens => 12);
select count(*) from carrel.session_history(:'plans', max_tokens => 0);
select count(*) from carrel.session_history(:'plans', max_requests => 0);
select * from carrel.session_history(:'plans', max_tokens => -1);
select * from carrel.session_history(:'plans', encoding => 'none');
select * from carrel.session_history(null);

-- A fork has copies of what is finished, which cost nothing.
select carrel.fork_session(:'plans') as fork \gset
update carrel.agent_sessions set title = 'Fork' where id = :'fork' returning context_state, version;
select pg_temp.chain('Fork'), pg_temp.chain('Plans');
select content, status, results from carrel.session_history(:'fork');
select content, token_cost, lease_token is null as never_leased from carrel.agent_requests where session_id = :'fork' order by content;
select carrel.fork_session(:'plans', 'a0000000-0000-0000-0000-000000000002') as short \gset
select content from carrel.session_history(:'short');
select carrel.fork_session(:'plans', 'a0000000-0000-0000-0000-000000000003');
select count(*) from carrel.usage_events;
select * from carrel.patch_session_state(:'fork', '{"step": 5}');
select context_state ->> 'step' as step from carrel.agent_sessions where id = :'plans';

-- Another's sessions are none.
set local request.jwt.claims = '{"sub": "22222222-2222-2222-2222-222222222222"}';
select * from carrel.session_history(:'plans');
select * from carrel.patch_session_state(:'plans', '{}');
select carrel.fork_session(:'plans');
select carrel.append_to_session(:'plans', 'a0000000-0000-0000-0000-000000000001');
select carrel.create_session('of Bob') as bobs \gset
select carrel.append_to_session(:'bobs', 'a0000000-0000-0000-0000-000000000001');
set local request.jwt.claims = '';
select carrel.create_session();
select * from carrel.session_history(:'plans');

-- The owner moves requests about, and their chains follow.
reset role;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
update carrel.agent_requests set session_id = :'other' where content in ('one', 'two') and session_id = :'plans';
update carrel.agent_sessions set title = 'Other' where id = :'other';
select pg_temp.chain('Plans'), pg_temp.chain('Other');
update carrel.agent_requests set session_id = case session_id when :'other' then :'plans'::uuid else :'other' end where session_id in (:'plans', :'other');
select pg_temp.chain('Plans'), pg_temp.chain('Other');
update carrel.agent_requests set session_id = null where content = 'three';
select pg_temp.chain('Plans'), pg_temp.chain('Other');
delete from carrel.agent_sessions where id = :'plans';
select content, session_id is null as without from carrel.agent_requests where content in ('one', 'two') and session_id is distinct from :'fork' and session_id is distinct from :'short' order by 1;
truncate carrel.agent_requests;
select count(*) filter (where request_chain <> '[]') as with_requests from carrel.agent_sessions;
select * from carrel.verify_usage();
rollback;
