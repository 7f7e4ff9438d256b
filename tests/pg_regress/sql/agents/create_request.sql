-- create_request() creates a request of the caller's, in one of their sessions or in none.
\set VERBOSITY default
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
\pset null '(null)'
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.agent_sessions (id, title) values ('50000000-0000-0000-0000-000000000001', 'Planning');
select carrel.create_request('chat', 'Hello.') is not null as has_id;
select carrel.create_request('summary', 'Sum up.', '50000000-0000-0000-0000-000000000001') is not null as has_id;
select carrel.create_request(content => 'Again.', agent_type => 'summary', session_id => null) is not null as has_id;

select user_id, session_id, agent_type, content, status, progress, results, token_cost, error, priority, attempts, max_attempts,
    run_at between now() and clock_timestamp() as at_once, lease_token, lease_expires_at, lease_owner, cancel_requested_at, idempotency_key, started_at, completed_at
from carrel.agent_requests order by agent_type, session_id \gx
select jsonb_array_length(request_chain) as in_chain, request_chain ->> 0 = (select id::text from carrel.agent_requests where session_id is not null) as is_it
from carrel.agent_sessions;

-- Another's session is no session, nor is one that isn't there.
set local request.jwt.claims = '{"sub": "22222222-2222-2222-2222-222222222222"}';
select carrel.create_request('chat', 'Let me in.', '50000000-0000-0000-0000-000000000001');
\echo :LAST_ERROR_SQLSTATE
select carrel.create_request('chat', 'Hello?', '50000000-0000-0000-0000-000000000009');
\echo :LAST_ERROR_SQLSTATE

-- By INSERT it is the foreign key that says no.
insert into carrel.agent_requests (agent_type, content, session_id) values ('chat', 'Let me in.', '50000000-0000-0000-0000-000000000001');
\echo :LAST_ERROR_SQLSTATE
select count(*) as requests_of_bob from carrel.agent_requests;

-- Bad arguments, and nobody.
select carrel.create_request(null, 'text');
\echo :LAST_ERROR_SQLSTATE
select carrel.create_request('chat', null);
\echo :LAST_ERROR_SQLSTATE
set local request.jwt.claims = '';
select carrel.create_request('chat', 'text');
\echo :LAST_ERROR_SQLSTATE
rollback;
