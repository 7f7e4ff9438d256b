-- Beyond a hard limit, the message says what is used and reserved, and when the limit resets, if it does.
\pset format unaligned
\pset tuples_only on
begin;
delete from carrel.plan_limits;
update carrel.user_profiles set billing_anchor = '2024-01-01 00:00+00', billing_timezone = 'UTC' where name = 'Ada';
create function pg_temp.said(statement text) returns text language sql as $$
    select regexp_replace(regexp_replace(regexp_replace(outcome(statement), '\n  detail: [^\n]*', ''),
        'resets on \d+ [A-Z][a-z]+( \d{4})?', 'resets on <day>'), '<day>( at \d\d:\d\d \([A-Z]+\))?', '<day, maybe time>')
$$;
create function pg_temp.limited(event_type text, measure text, period text, limit_value numeric) returns void language sql as $$
    delete from carrel.plan_limits;
    insert into carrel.plan_limits (plan_type, event_type, measure, period, limit_value) values ('free', event_type, measure, period, limit_value);
$$;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';

-- Requests that are completed, and that are open.
select pg_temp.limited('agent_request', 'events', 'month', 4);
insert into carrel.usage_events (event_type) select 'agent_request' from generate_series(1, 3);
set local role carrel_regress_user;
select carrel.create_request('chat', 'one') is not null;
select pg_temp.said($$select carrel.create_request('chat', 'two')$$);
select outcome($$select carrel.create_request('chat', 'two')$$) ~ '"held": 1' and outcome($$select carrel.create_request('chat', 'two')$$) ~ '"used": 3' as detailed;
select pg_temp.said($$insert into carrel.agent_requests (agent_type, content) values ('chat', 'two')$$);
set local role carrel_regress_service;
select pg_temp.said($$select event_id from carrel.consume_usage('agent_request')$$);
select pg_temp.said($$select carrel.reserve_usage('agent_request')$$);
reset role;
delete from carrel.agent_requests;

-- Of types of events, all of them, tokens and cost, in other periods.
select pg_temp.limited('chat', 'tokens', 'day', 100);
select event_id is not null from carrel.consume_usage('chat', 90);
select pg_temp.said($$select event_id from carrel.consume_usage('chat', 11)$$);
select carrel.reserve_usage('chat', 10) is not null;
select pg_temp.said($$select event_id from carrel.consume_usage('chat', 1)$$);
select pg_temp.limited('*', 'cost', '5 hours', 0.5);
select event_id is not null from carrel.consume_usage('chat', 1, 0.5);
select pg_temp.said($$select event_id from carrel.consume_usage('chat', 1, 0.1)$$);
select pg_temp.limited('*', 'events', 'week', 0);
select pg_temp.said($$select event_id from carrel.consume_usage('chat')$$);
select pg_temp.limited('deep_search', 'events', 'month', 1);
select pg_temp.said($$select event_id from carrel.consume_usage('deep_search')$$) ~ '^[0-9a-f-]{36}$';
select pg_temp.said($$select event_id from carrel.consume_usage('deep_search')$$);

-- What is stored never resets.
select pg_temp.limited('*', 'documents', 'stored', 1);
set local role carrel_regress_user;
select carrel.add_document('a.txt', 'heron') is not null;
select pg_temp.said($$select carrel.add_document('b.txt', 'heron')$$);
reset role;
select pg_temp.limited('*', 'bytes', 'stored', 8);
set local role carrel_regress_user;
select pg_temp.said($$insert into carrel.documents (filename, content_text) values ('b.txt', 'heron')$$);
reset role;
rollback;
