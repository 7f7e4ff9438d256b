-- Billing periods are months from the anchor, in the profile's zone, computed from the anchor each time: they tile.
\set VERBOSITY default
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
set timezone = 'UTC';
select at, carrel.billing_period_start('2024-01-31 12:00+00', 'UTC', at) as period_start from (values
    ('2024-01-31 12:00+00'::timestamptz), ('2024-02-29 11:59+00'), ('2024-02-29 12:00+00'), ('2024-03-31 11:59+00'), ('2024-03-31 12:00+00'),
    ('2024-04-30 12:00+00'), ('2025-02-28 12:00+00'), ('2024-01-31 11:59:59.999999+00'), ('2023-12-31 12:00+00')
) as given (at);

-- Midnight in Berlin stays midnight in Berlin, in summer as in winter.
select at, carrel.billing_period_start('2024-01-01 00:00+01', 'Europe/Berlin', at) as period_start from (values
    ('2024-03-31 21:59+00'::timestamptz), ('2024-03-31 22:00+00'), ('2024-10-31 22:59+00'), ('2024-10-31 23:00+00')
) as given (at);

-- They tile: each begins where the one before ends, whatever the anchor.
select bool_and(start <= at) as began, count(distinct start) as periods, bool_and(carrel.billing_period_start(anchor, zone, start) = start) as start_is_its_own
from unnest('{2024-01-29 23:30+00, 2024-01-30 00:00+00, 2024-01-31 02:30+00}'::timestamptz[]) as anchor,
    unnest('{UTC,Europe/Berlin,America/New_York,Asia/Kathmandu}'::text[]) as zone,
    generate_series('2024-02-01 00:00+00'::timestamptz, '2025-01-31 00:00+00', '7 hours') as at,
    lateral (select carrel.billing_period_start(anchor, zone, at)) as period (start)
where anchor = '2024-01-31 02:30+00' and zone = 'UTC' or zone <> 'UTC';

-- Zones that aren't.
select carrel.billing_period_start(now(), 'Europe/Atlantis', now());
\echo :LAST_ERROR_SQLSTATE
begin;
update carrel.user_profiles set billing_timezone = 'Europe/Atlantis';
\echo :LAST_ERROR_SQLSTATE
update carrel.user_profiles set billing_timezone = '';
\echo :LAST_ERROR_SQLSTATE
insert into carrel.user_profiles (user_id, billing_timezone) values ('33333333-3333-3333-3333-333333333333', 'Moon/Base');
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY terse
update carrel.user_profiles set billing_anchor = 'infinity';
\echo :LAST_ERROR_SQLSTATE
update carrel.user_profiles set billing_timezone = 'Asia/Kathmandu' where name = 'Ada';
select name, billing_timezone from carrel.user_profiles order by name;

-- A profile begins in the period that now is in.
insert into carrel.user_profiles (user_id, billing_anchor, billing_timezone) values ('33333333-3333-3333-3333-333333333333', '2020-02-29 00:00+00', 'UTC')
returning usage_period_start between now() - interval '31 days' and now() as period_of_now, extract(day from usage_period_start) >= 28 as on_the_day;
rollback;
