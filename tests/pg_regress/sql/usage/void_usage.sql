-- void_usage() takes an event back, once, in the period in which it occurred; the event stays.
\set VERBOSITY sqlstate
\set ON_ERROR_ROLLBACK on
begin;
set local timezone = 'UTC';
update carrel.user_profiles set billing_anchor = now() - interval '10 days';
insert into carrel.plan_limits (plan_type, event_type, measure, limit_value) values ('free', 'agent_request', 'tokens', 100);
set local role carrel_regress_service;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select event_id as late from carrel.record_usage('agent_request', 30, 0.5, occurred_at => now() - interval '11 days', model => 'm-1') \gset
select event_id as now from carrel.record_usage('agent_request', 70) \gset
select usage_count from carrel.user_profiles;
select carrel.void_usage(:'late', 'a mistake') as void \gset
select carrel.void_usage(:'late', 'a mistake') = :'void' as same;
select carrel.void_usage(:'late', 'another reason');
select carrel.void_usage(:'void', 'a void');
select carrel.void_usage(:'now', 'charged twice', idempotency_key => 'v') is not null as voided;
select carrel.void_usage(:'now', 'charged twice', idempotency_key => 'v') is not null as again;
select usage_count from carrel.user_profiles;
select used, remaining from carrel.consume_usage('agent_request', 100);
select event_type, tokens_used, cost, model, metadata, occurred_at < now() as late from carrel.usage_events where voids is not null order by tokens_used desc;
select carrel.void_usage(:'late', '');
select carrel.void_usage(:'late', null);
select carrel.void_usage(null, 'x');
select carrel.void_usage('33333333-3333-3333-3333-333333333333', 'x');
reset role;
select event_type, period_start < p.billing_anchor as before_anchor, sum(events) as events, sum(t.tokens_used) as tokens, sum(cost) as cost
from carrel.usage_totals as t join carrel.user_profiles as p using (user_id) group by 1, 2 order by 2;
select * from carrel.verify_usage();
rollback;
