-- Events recorded for others count when the transaction ends, or constraints are immediate; those rolled back to a
-- savepoint are not counted, and those before it still are.
begin;
set local timezone = 'UTC';
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
set constraints all deferred;
select usage_count from carrel.user_profiles where name = 'Bob';
select duplicate from carrel.record_usage('agent_request', user_id => '22222222-2222-2222-2222-222222222222');
savepoint one;
select duplicate from carrel.record_usage('agent_request', user_id => '22222222-2222-2222-2222-222222222222');
set constraints all immediate;
select usage_count from carrel.user_profiles where name = 'Bob';
rollback to one;
select usage_count from carrel.user_profiles where name = 'Bob';
select duplicate from carrel.record_usage_batch('[
    {"event_type": "agent_request", "user_id": "22222222-2222-2222-2222-222222222222"},
    {"event_type": "agent_request", "user_id": "22222222-2222-2222-2222-222222222222", "idempotency_key": "key"},
    {"event_type": "agent_request", "user_id": "22222222-2222-2222-2222-222222222222", "idempotency_key": "key"}
]');
set constraints all immediate;
select usage_count from carrel.user_profiles where name = 'Bob';
select count(*) as drifted from carrel.verify_usage();
rollback;
