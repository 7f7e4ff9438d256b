-- A service records for whom it names; an end user who records, for themselves alone.
\pset format unaligned
begin;
set local role carrel_regress_service;
select outcome($$select duplicate from carrel.record_usage('chat', 5, user_id => '22222222-2222-2222-2222-222222222222')$$);
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select outcome($$select duplicate from carrel.record_usage('chat', 6, user_id => '22222222-2222-2222-2222-222222222222')$$);
select outcome($$select duplicate from carrel.record_usage('chat', 7)$$);

set local role carrel_regress_metering;
select outcome($$select duplicate from carrel.record_usage('chat', 8)$$);
select outcome($$select duplicate from carrel.record_usage('chat', 9, user_id => '11111111-1111-1111-1111-111111111111')$$);
select outcome($$select duplicate from carrel.record_usage('chat', 10, user_id => '22222222-2222-2222-2222-222222222222')$$);
select outcome($$select duplicate from carrel.record_usage('chat', 11, user_id => '33333333-3333-3333-3333-333333333333')$$);
set local request.jwt.claims = '';
select outcome($$select duplicate from carrel.record_usage('chat', 12, user_id => '22222222-2222-2222-2222-222222222222')$$);

-- By INSERT neither: not for another, not without an amount that counts, nor as taking back another event.
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select statement, outcome(statement) from (values
    ($$insert into carrel.usage_events (event_type, tokens_used) values ('chat', 13)$$),
    ($$insert into carrel.usage_events (user_id, event_type) values ('22222222-2222-2222-2222-222222222222', 'chat')$$),
    ($$insert into carrel.usage_events (event_type, tokens_used) values ('chat', -1)$$),
    ($$insert into carrel.usage_events (event_type, cost) values ('chat', 'NaN')$$),
    ($$insert into carrel.usage_events (event_type, occurred_at) values ('chat', '2001-01-01 12:00+00')$$),
    ($$insert into carrel.usage_events (event_type, occurred_at) values ('chat', now() - interval '34 days')$$),
    ($$insert into carrel.usage_events (event_type, tokens_used, voids) select 'chat', -8, id from carrel.usage_events limit 1$$),
    ($$insert into carrel.usage_events (event_type, idempotency_key, payload_hash) values ('chat', 'k', 'forged')$$)
) as tried (statement);

reset role;
select user_id, array_agg(tokens_used order by tokens_used) as recorded from carrel.usage_events group by 1 order by 1;
select count(*) as drifted from carrel.verify_usage();
rollback;
