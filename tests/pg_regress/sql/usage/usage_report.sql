-- usage_report() sums by buckets of the user's calendar; parts of days at both ends are exact.
\set VERBOSITY terse
\set ON_ERROR_ROLLBACK on
begin;
set local timezone = 'UTC';
set local datestyle = 'ISO';
update carrel.user_profiles set billing_anchor = '2024-01-15 10:00+00', billing_timezone = 'America/New_York' where name = 'Ada';
insert into carrel.usage_events (user_id, event_type, model, tokens_used, cost, occurred_at)
select '11111111-1111-1111-1111-111111111111', case when n % 3 = 0 then 'chat' else 'embedding' end, case when n % 2 = 0 then 'm-1' end, n, n * 0.001,
    '2024-03-01 00:00+00'::timestamptz + n * interval '7 hours'
from generate_series(0, 99) as n;
insert into carrel.usage_events (user_id, event_type, tokens_used, occurred_at)
values ('22222222-2222-2222-2222-222222222222', 'chat', 1000, '2024-03-05 12:00+00');
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select bucket_start, event_type, events, tokens_used, cost from carrel.usage_report('2024-03-01', '2024-03-04', 'day');
select bucket_start, model, events, tokens_used from carrel.usage_report('2024-01-01', '2024-12-31', 'week', '{model}');
select bucket_start, events, tokens_used from carrel.usage_report('2024-01-01', '2024-12-31', 'period', '{}');
select bucket_start, events, tokens_used from carrel.usage_report('2024-01-01', '2024-12-31', 'month', '{}');
-- The same as the events, whatever the ends.
select count(*) filter (where report.events is distinct from nullif(event.events, 0) or report.tokens is distinct from event.tokens) as wrong, count(*)
from generate_series('2024-02-28 00:00+00'::timestamptz, '2024-03-31', '11 hours 13 minutes') as start_at
cross join (values (interval '0'), ('1 minute'), ('9 hours'), ('1 day'), ('3 days 5 hours')) as span (length)
cross join lateral (select sum(r.events) as events, sum(r.tokens_used) as tokens from carrel.usage_report(start_at, start_at + length, 'all', '{}') as r) as report
cross join lateral (select count(*)::numeric as events, sum(e.tokens_used) as tokens from carrel.usage_events as e where e.occurred_at >= start_at and e.occurred_at < start_at + length) as event;
-- The same in the days around now, in which not all can have happened yet.
reset role;
insert into carrel.usage_events (user_id, event_type, tokens_used, occurred_at)
select '11111111-1111-1111-1111-111111111111', 'chat', n, now() + (n - 40) * interval '97 minutes'
from generate_series(0, 60) as n;
set local role carrel_regress_user;
select count(*) filter (where report.events is distinct from nullif(event.events, 0) or report.tokens is distinct from event.tokens) as wrong, count(*)
from generate_series(now() - interval '3 days', now() + interval '1 day', '3 hours') as start_at
cross join (values (interval '0'), ('1 minute'), ('9 hours'), ('20 hours'), ('1 day'), ('2 days 5 hours')) as span (length)
cross join lateral (select sum(r.events) as events, sum(r.tokens_used) as tokens from carrel.usage_report(start_at, start_at + length, 'all', '{}') as r) as report
cross join lateral (select count(*)::numeric as events, sum(e.tokens_used) as tokens from carrel.usage_events as e where e.occurred_at >= start_at and e.occurred_at < start_at + length) as event;
select carrel.usage_report('2024-03-01', '2024-04-01', 'hour');
select carrel.usage_report('2024-03-01', '2024-04-01', 'day', '{colour}');
select carrel.usage_report('2024-03-01', '2024-04-01', 'day', '{user}');
select carrel.usage_report('2024-04-01', '2024-03-01');
select carrel.usage_report(null, '2024-03-01');
select carrel.usage_report('-infinity', 'infinity');
select carrel.usage_report('2024-03-01', '2024-04-01', user_id => '22222222-2222-2222-2222-222222222222');
set local role carrel_regress_service;
reset request.jwt.claims;
select user_id, events, tokens_used from carrel.usage_report('2024-01-01', '2024-12-31', 'all', '{user}');
select user_id, events from carrel.usage_report('2024-01-01', '2024-12-31', 'all', '{}', '22222222-2222-2222-2222-222222222222');
rollback;
