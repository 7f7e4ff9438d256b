-- A user changes title and context_state of their sessions; updated_at follows.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.agent_sessions (id, title, updated_at) values ('50000000-0000-0000-0000-000000000001', 'First', '2024-01-01')
returning user_id, context_state, request_chain, version, updated_at = '2024-01-01' as as_given;
update carrel.agent_sessions set title = 'Renamed', context_state = '{"summary": "so far"}' returning title, context_state, version, updated_at = now() as touched;
select outcome($$update carrel.agent_sessions set user_id = '22222222-2222-2222-2222-222222222222'$$);
set local request.jwt.claims = '{"sub": "22222222-2222-2222-2222-222222222222"}';
select outcome($$update carrel.agent_sessions set title = 'of Bob'$$);
select outcome($$delete from carrel.agent_sessions$$);
rollback;
