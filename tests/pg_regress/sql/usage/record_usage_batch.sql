-- record_usage_batch() makes of each element what record_usage() would, in order, all or nothing.
\set VERBOSITY terse
\set ON_ERROR_ROLLBACK on
begin;
set constraints all immediate;
insert into carrel.model_prices (model, token_type, price) values ('m-1', 'input', 2), ('m-1', 'output', 10);
set local role carrel_regress_service;
select duplicate from carrel.record_usage('chat', 5, idempotency_key => 'k0', user_id => '11111111-1111-1111-1111-111111111111');
select duplicate from carrel.record_usage_batch('[
    {"event_type": "agent_request", "user_id": "22222222-2222-2222-2222-222222222222"},
    {"event_type": "chat", "tokens_used": 5, "idempotency_key": "k0", "user_id": "11111111-1111-1111-1111-111111111111"},
    {"event_type": "chat", "idempotency_key": "k1", "cost": 0.10, "user_id": "11111111-1111-1111-1111-111111111111"},
    {"event_type": "chat", "idempotency_key": "k1", "cost": 0.1, "metadata": {}, "user_id": "11111111-1111-1111-1111-111111111111"},
    {"event_type": "chat", "model": "m-1", "token_types": {"input": 1000, "output": 100}, "user_id": "11111111-1111-1111-1111-111111111111"}
]');
select duplicate from carrel.record_usage('chat', cost => 0.1, idempotency_key => 'k1', user_id => '11111111-1111-1111-1111-111111111111');
select count(*) from carrel.record_usage_batch('[]');
select carrel.record_usage_batch(null);
select carrel.record_usage_batch('{}');
select carrel.record_usage_batch('[7]');
select carrel.record_usage_batch('[{"event_type": "chat"}]');
select carrel.record_usage_batch('[{"event_type": "chat", "tokens": 5}]');
select carrel.record_usage_batch('[{"event_type": "chat", "user_id": "33333333-3333-3333-3333-333333333333"}]');
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select carrel.record_usage_batch('[{"event_type": "chat"}, {"event_type": "chat", "tokens_used": -1}]');
select carrel.record_usage_batch('[{"event_type": "chat", "cost": "NaN"}]');
select carrel.record_usage_batch('[{"event_type": "chat", "occurred_at": "2000-01-01"}]');
select carrel.record_usage_batch('[{"event_type": "chat", "idempotency_key": "k1", "cost": 0.2}]');
select count(*) from carrel.record_usage_batch((select jsonb_agg(jsonb_build_object('event_type', 'bulk', 'tokens_used', n)) from generate_series(1, 2000) as n));
set local role carrel_regress_metering;
select duplicate from carrel.record_usage_batch('[{"event_type": "chat"}]');
select carrel.record_usage_batch('[{"event_type": "chat"}, {"event_type": "chat", "user_id": "22222222-2222-2222-2222-222222222222"}]');
reset role;
select name, event_type, sum(events) as events, sum(tokens_used) as tokens, sum(cost) as cost
from carrel.usage_totals join carrel.user_profiles using (user_id) group by 1, 2 order by 1, 2;
select name, usage_count from carrel.user_profiles order by name;
select * from carrel.verify_usage();
rollback;
