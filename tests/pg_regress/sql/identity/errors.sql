-- Writes of nobody, and of a user without a profile, say so, by function and by plain SQL.
\pset format unaligned
\pset tuples_only on
begin;
create table public.writes (statement text);
insert into public.writes values
    ($$insert into carrel.documents (filename, content_text) values ('a.txt', 'heron')$$),
    ($$insert into carrel.documents (user_id, filename) values ('33333333-3333-3333-3333-333333333333', 'a.txt')$$),
    ($$insert into carrel.document_chunks (document_id, chunk_index, content) values ('d0000000-0000-0000-0000-000000000001', 0, 'heron')$$),
    ($$insert into carrel.agent_sessions (title) values ('Birds')$$),
    ($$insert into carrel.agent_requests (agent_type, content) values ('chat', 'heron?')$$),
    ($$insert into carrel.usage_events (event_type) values ('chat')$$),
    ($$select carrel.add_document('a.txt', 'heron')$$),
    ($$select carrel.create_session('Birds')$$),
    ($$select carrel.create_request('chat', 'heron?')$$),
    ($$select event_id from carrel.record_usage('chat')$$),
    ($$select event_id from carrel.consume_usage('chat')$$),
    ($$select event_id from carrel.record_usage_batch('[{"event_type": "chat"}]')$$);
insert into public.writes values
    ($$select carrel.append_to_session('50000000-0000-0000-0000-000000000001', 'a0000000-0000-0000-0000-000000000001')$$),
    ($$select version from carrel.patch_session_state('50000000-0000-0000-0000-000000000001', '{}')$$),
    ($$select carrel.rechunk_document('d0000000-0000-0000-0000-000000000001')$$),
    ($$select carrel.cancel_request('a0000000-0000-0000-0000-000000000001')$$);
grant select on public.writes to public;

-- No claims.
set local role carrel_regress_metering;
select answer, count(*) from (select outcome(statement) as answer from public.writes) as said group by 1 order by 1;

-- Claims that name nobody: an end user is told what the token needs, a service where else the id may be.
set local request.jwt.claims = '{"role": "authenticated"}';
select answer, count(*) from (select outcome(statement) as answer from public.writes) as said group by 1 order by 1;
set local role carrel_regress_service;
select answer, count(*) from (select outcome(statement) as answer from public.writes where statement ~ 'add_document|create_session') as said group by 1 order by 1;
reset role;
set local carrel.identity_claim = 'app_metadata.org_id';
set local role carrel_regress_user;
select outcome($$select carrel.add_document('a.txt', 'heron')$$);
reset role;
reset carrel.identity_claim;

-- A user without a profile, whom a service can create.
set local role carrel_regress_metering;
set local request.jwt.claims = '{"sub": "33333333-3333-3333-3333-333333333333"}';
select regexp_replace(statement, '[( ]values.*|\(.*', '') as write, outcome(statement) from public.writes;

-- Another user's id stays the policy's to refuse, with a profile or without: nobody learns who there is.
set local request.jwt.claims = '{"sub": "22222222-2222-2222-2222-222222222222"}';
select outcome(format($$insert into carrel.documents (user_id, filename) values (%L, 'a.txt')$$, owner)) from (values
    ('11111111-1111-1111-1111-111111111111'), ('33333333-3333-3333-3333-333333333333')
) as given (owner);
select outcome($$insert into carrel.agent_sessions (user_id) values (null)$$);

-- Requests and chunks refer to what is the caller's, or to nothing.
select outcome(statement) from (values
    ($$insert into carrel.agent_requests (agent_type, content, session_id) values ('chat', 'heron?', '50000000-0000-0000-0000-000000000009')$$),
    ($$insert into carrel.document_chunks (document_id, chunk_index, content) values ('d0000000-0000-0000-0000-000000000009', 0, 'heron')$$)
) as tried (statement);
with session as (insert into carrel.agent_sessions (title) values ('Birds') returning id)
insert into carrel.agent_requests (agent_type, content, session_id) select 'chat', 'heron?', id from session returning status;

-- Past policies it is the row's user that counts, whatever the claims are.
reset role;
set local request.jwt.claims = 'none';
select outcome(statement) from (values
    ($$insert into carrel.documents (user_id, filename) values ('11111111-1111-1111-1111-111111111111', 'a.txt')$$),
    ($$insert into carrel.agent_sessions (user_id) values ('33333333-3333-3333-3333-333333333333')$$),
    ($$update carrel.documents set user_id = '33333333-3333-3333-3333-333333333333' where filename = 'a.txt'$$),
    ($$update carrel.documents set user_id = null where filename = 'a.txt'$$)
) as tried (statement);

-- A profile that the same statement makes counts.
set local request.jwt.claims = '';
with profile as (insert into carrel.user_profiles (user_id) values ('33333333-3333-3333-3333-333333333333') returning user_id)
insert into carrel.agent_sessions (user_id, title) select user_id, 'Birds' from profile returning user_id, title;
rollback;
