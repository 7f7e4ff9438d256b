-- The same idempotency key again gives the first event and counts nothing; with another payload it is PT409.
-- The payload is the arguments as given, without those left out.
begin;
set local timezone = 'UTC';
set local role carrel_regress_service;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
create temp table first as select * from carrel.record_usage('chat', 100, 0.5, '{"a": 1, "b": 2}', 'key-1', model => 'm-1');
select duplicate, used from first;
select r.event_id = first.event_id as same_event, r.duplicate, r.used
from first, carrel.record_usage('chat', 100, 0.5, '{"a": 1, "b": 2}', 'key-1', model => 'm-1') as r;

-- An honest retry, written in another way.
select r.event_id = first.event_id as same_event, r.duplicate
from first, carrel.record_usage('chat', 100, 0.5000, '{"b": 2, "a": 1}', 'key-1', model => 'm-1', user_id => '11111111-1111-1111-1111-111111111111') as r;
select duplicate from carrel.record_usage('chat', idempotency_key => 'key-2', occurred_at => date_trunc('hour', now()));
set local timezone = 'Asia/Tokyo';
select duplicate from carrel.record_usage('chat', idempotency_key => 'key-2', occurred_at => date_trunc('hour', now()), tokens_used => null, metadata => '{}');
set local timezone = 'UTC';

-- Another payload.
create function pg_temp.again(arguments text) returns text language plpgsql as $$
begin
    return regexp_replace(public.outcome(format('select duplicate from carrel.record_usage(%s, idempotency_key => ''key-1'')', arguments)), '[0-9a-f]{8}-[0-9a-f-]{27}', '<event>');
end
$$;
\pset format unaligned
select pg_temp.again($$'chat', 101, 0.5, '{"a": 1, "b": 2}', model => 'm-1'$$);
select arguments, split_part(pg_temp.again(arguments), E'\n', 1) as answer from (values
    ($$'chat', 100, 0.5, '{"a": 1, "b": 2}', model => 'm-1'$$),
    ($$'Chat', 100, 0.5, '{"a": 1, "b": 2}', model => 'm-1'$$),
    ($$'chat', 100, 0.51, '{"a": 1, "b": 2}', model => 'm-1'$$),
    ($$'chat', 100, 0.5, '{"a": 1}', model => 'm-1'$$),
    ($$'chat', 100, 0.5, '{"a": 1, "b": 2}', model => 'm-2'$$),
    ($$'chat', 100, 0.5, '{"a": 1, "b": 2}'$$),
    ($$'chat', 100, 0.5, '{"a": 1, "b": 2}', model => 'm-1', token_types => '{}'$$),
    ($$'chat', 100, 0.5, '{"a": 1, "b": 2}', model => 'm-1', occurred_at => now()$$)
) as given (arguments);

-- A key is the user's own: Bob's is another event.
select duplicate from carrel.record_usage('chat', 100, idempotency_key => 'key-1', user_id => '22222222-2222-2222-2222-222222222222');

-- Nothing was counted twice.
select count(*) as events_of_ada from carrel.usage_events;
select count(*) as drifted from carrel.verify_usage();
rollback;
