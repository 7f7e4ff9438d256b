-- row_security = off says that a dump is being restored: triggers that derive data stand aside, so that
-- what was dumped is loaded as it was. An end user can't write in this mode at all.
\set VERBOSITY default
\set ON_ERROR_ROLLBACK on
begin;
set local row_security = off;
insert into carrel.user_profiles (user_id, name, usage_count, usage_period_start, billing_timezone, billing_anchor)
values ('33333333-3333-3333-3333-333333333333', 'Carol', 7, '2024-03-01 00:00+00', 'Not/Checked', '2024-01-01') returning usage_count, usage_period_start at time zone 'UTC' as period, billing_timezone;
insert into carrel.documents (id, user_id, filename, content_text, processing_status, search_vector, file_size)
values ('d0000000-0000-0000-0000-000000000003', '33333333-3333-3333-3333-333333333333', 'Dumped', 'a text', 'failed', 'as:1 dumped:2', 99)
returning processing_status, search_vector, file_size;
insert into carrel.document_chunks (user_id, document_id, chunk_index, content, search_vector, content_hash)
values ('33333333-3333-3333-3333-333333333333', 'd0000000-0000-0000-0000-000000000003', 5, 'another text', 'other:1', 'hash')
returning chunk_index, search_vector, content_hash, size;
select count(*) as chunks from carrel.document_chunks;
insert into carrel.agent_sessions (id, user_id, request_chain, version) values ('50000000-0000-0000-0000-000000000003', '33333333-3333-3333-3333-333333333333', '["as", "dumped"]', 4);
insert into carrel.agent_requests (user_id, session_id, agent_type, content, status, priority) values ('33333333-3333-3333-3333-333333333333', '50000000-0000-0000-0000-000000000003', 'chat', 'x', 'completed', 9) returning status, priority;
select request_chain, version from carrel.agent_sessions;
insert into carrel.usage_events (user_id, event_type, tokens_used) values ('33333333-3333-3333-3333-333333333333', 'agent_request', 5);
select count(*) as totals from carrel.usage_totals;
select usage_count from carrel.user_profiles where name = 'Carol';

-- What the functions do is the same in this mode.
select carrel.act_as('11111111-1111-1111-1111-111111111111');
select carrel.create_user('44444444-4444-4444-4444-444444444444');
select used from carrel.record_usage('agent_request');
select count(*) as found from carrel.search_chunks('text');
select usage_count from carrel.user_profiles where name = 'Ada';

-- An end user is refused, and so is a service.
set local role carrel_regress_user;
select name from carrel.user_profiles;
insert into carrel.documents (filename, content_text, processing_status) values ('Forged', 'a text', 'completed');
update carrel.documents set filename = 'x';
set local role carrel_regress_service;
insert into carrel.documents (filename, content_text) values ('Forged', 'a text');
\echo :LAST_ERROR_SQLSTATE
set local role carrel_regress_metering;
insert into carrel.usage_events (event_type) values ('uncounted');
rollback;
