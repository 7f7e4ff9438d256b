-- usage_count is the number of agent requests in the billing period; it can't be set by hand to last, and
-- totals are kept for each period and type.
begin;
set local timezone = 'UTC';
-- What is counted at the end of a transaction, at once.
set constraints all immediate;
update carrel.user_profiles set billing_anchor = now() - interval '10 days' where name = 'Ada';
set local role carrel_regress_service;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select used from carrel.record_usage('agent_request', 10);
select used from carrel.record_usage('agent_request', 20, 0.5);
select used from carrel.record_usage('chat', 5);
select usage_count, usage_period_start = billing_anchor as in_first_period from carrel.user_profiles;

-- Those of the period before count there.
select used from carrel.record_usage('agent_request', 40, occurred_at => now() - interval '11 days');
select usage_count from carrel.user_profiles;
reset role;
select period_start < p.billing_anchor as before_anchor, event_type, events, t.tokens_used, cost
from carrel.usage_totals as t join carrel.user_profiles as p using (user_id) order by 1 desc, 2;

-- Many events of many users in one statement.
insert into carrel.usage_events (user_id, event_type, tokens_used)
select user_id, 'agent_request', n from carrel.user_profiles, generate_series(1, 100) as n;
select name, usage_count from carrel.user_profiles order by name;
select count(*) as drifted from carrel.verify_usage();

-- A statement that is rolled back counts nothing.
savepoint before_more;
select used from carrel.record_usage('agent_request');
rollback to before_more;
select usage_count from carrel.user_profiles where name = 'Ada';

-- Another anchor makes other periods: what was counted in the old ones is counted in the new.
update carrel.user_profiles set billing_anchor = now() - interval '12 days' where name = 'Ada';
select usage_count, usage_period_start = billing_anchor as in_first_period from carrel.user_profiles where name = 'Ada';
select event_type, sum(events) as events, sum(tokens_used) as tokens, count(distinct period_start) as periods
from carrel.usage_totals where user_id = '11111111-1111-1111-1111-111111111111' group by 1 order by 1;
update carrel.user_profiles set billing_timezone = 'Pacific/Kiritimati' where name = 'Ada';
select count(*) as drifted from carrel.verify_usage();
rollback;
