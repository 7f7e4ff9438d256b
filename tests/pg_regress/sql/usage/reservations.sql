-- A reservation counts against hard limits until it is settled, released, or past its time; it resolves once.
\set VERBOSITY default
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
begin;
insert into carrel.plan_limits (plan_type, event_type, measure, limit_value) values ('free', 'chat', 'tokens', 100);
set local role carrel_regress_service;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select carrel.reserve_usage('chat', 80, idempotency_key => 'r') as one \gset
select carrel.reserve_usage('chat', 80, idempotency_key => 'r') = :'one' as same;
\set VERBOSITY terse
select carrel.reserve_usage('chat', 81, idempotency_key => 'r');
\set VERBOSITY sqlstate
select carrel.reserve_usage('chat', 30);
select carrel.consume_usage('chat', 21);
\set VERBOSITY default
select allowed, used, remaining from carrel.check_quota('chat', 20, 'tokens');

-- Settled with more than was reserved: recorded and told.
select duplicate, overage, used, remaining from carrel.settle_usage(:'one', 90);
select duplicate, overage, used from carrel.settle_usage(:'one', 90);
\set VERBOSITY sqlstate
select carrel.settle_usage(:'one', 91);
select carrel.release_usage(:'one');

-- Released: all of it is there again.
select carrel.reserve_usage('chat', 10) as two \gset
select carrel.consume_usage('chat', 1);
select carrel.release_usage(:'two');
select carrel.release_usage(:'two');
select carrel.settle_usage(:'two', 1);
select remaining from carrel.check_quota('chat', 1, 'tokens');

-- Expired: others may use its amount. Settling it still records the usage.
select carrel.reserve_usage('chat', 10, ttl => '1 microsecond') as three \gset
select remaining from carrel.consume_usage('chat', 10);
select overage, remaining from carrel.settle_usage(:'three', 10);

-- What is no reservation, or another user's to an end user.
select carrel.settle_usage('33333333-3333-3333-3333-333333333333', 1);
select carrel.settle_usage(null, 1);
select carrel.release_usage(null);
select carrel.reserve_usage('chat', -1);
select carrel.reserve_usage('chat', 1, 'NaN');
select carrel.reserve_usage('chat', ttl => '-1 minute');
select carrel.reserve_usage('chat', ttl => null);
select carrel.reserve_usage('', 1);
select carrel.reserve_usage('chat', 1, user_id => '33333333-3333-3333-3333-333333333333');
reset role;
select state, count(*) from carrel.usage_reservations group by state order by state;
select count(*) as events, sum(tokens_used) as tokens from carrel.usage_events;
select * from carrel.verify_usage();
rollback;
