-- record_usage() records what happened, and tells how the tightest limit stands, if there is one.
\pset null '(null)'
begin;
set local role carrel_regress_service;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select event_id is not null as has_id, duplicate, used, limit_value, remaining, resets_at from carrel.record_usage('chat');
select duplicate from carrel.record_usage('chat', 1200, 0.0036, '{"feature": "summary"}', model => 'm-1', token_types => '{"input": 1000, "output": 200}');
select duplicate from carrel.record_usage('embedding', tokens_used => 50);
select duplicate, used, limit_value, remaining from carrel.record_usage('agent_request', tokens_used => 50);
select duplicate from carrel.record_usage('chat', null, null, null);

-- What is left out is zero, empty, or now.
select user_id, event_type, tokens_used, cost, metadata, model, token_types, idempotency_key, request_id, voids,
    occurred_at = now() as now, created_at = now() as recorded_now
from carrel.usage_events order by event_type, tokens_used, id;

-- Cost is exact, to ten decimals; there is no limit for the totals.
select duplicate from carrel.record_usage('exact', 1000000000000000, 0.00000000015);
select duplicate from carrel.record_usage('exact', 1000000000000000, 1000000000000000);
reset role;
select event_type, events, tokens_used, cost from carrel.usage_totals order by event_type, events;

-- A later time within the window, and an earlier one.
set local role carrel_regress_service;
select duplicate from carrel.record_usage('late', occurred_at => now() - interval '34 days');
select duplicate from carrel.record_usage('early', occurred_at => now() + interval '4 minutes');

-- An end user who may not record sees their own events.
set local role carrel_regress_user;
select count(*) as own_events, sum(tokens_used) filter (where event_type = 'chat') as chat_tokens from carrel.usage_events;
set local request.jwt.claims = '{"sub": "22222222-2222-2222-2222-222222222222"}';
select count(*) as events_of_bob from carrel.usage_events;
rollback;
