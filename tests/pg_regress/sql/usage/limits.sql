-- consume_usage() records what a hard limit leaves room for, and refuses the rest, for every limit that matches.
\set VERBOSITY terse
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
begin;
set local timezone = 'UTC';
update carrel.user_profiles set billing_anchor = '2024-01-15 10:00+00';
insert into carrel.plan_limits (plan_type, event_type, measure, period, limit_value, enforcement) values
    ('free', 'chat', 'tokens', 'month', 100, 'hard'),
    ('free', '*', 'events', '5 hours', 4, 'hard'),
    ('free', 'chat', 'cost', 'day', 1, 'soft');
set local role carrel_regress_service;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select duplicate, used, limit_value, remaining from carrel.consume_usage('chat', 60, 5);
select duplicate, used, limit_value, remaining from carrel.consume_usage('chat', 30, idempotency_key => 'k');

-- The same again takes nothing more, and another one nothing at all.
select duplicate, remaining from carrel.consume_usage('chat', 30, idempotency_key => 'k');
select carrel.consume_usage('chat', 31, idempotency_key => 'k');

-- Refusals name the day on which the limit resets.
\set VERBOSITY sqlstate
-- Beyond the tokens of the month; all that is left of them; beyond the events of the window.
do $$
declare
    said text;
begin
    perform carrel.consume_usage('chat', 11);
exception when sqlstate 'PT402' then
    get stacked diagnostics said = pg_exception_detail;
    raise notice '% %', sqlstate, said::jsonb - 'resets_at';
    raise notice 'resets in the future: %', (said::jsonb ->> 'resets_at')::timestamptz > now();
end
$$;
select used, remaining from carrel.consume_usage('chat', 10);
select used, remaining from carrel.consume_usage('embedding', 1000);
select carrel.consume_usage('embedding');

-- What happened is recorded nevertheless, and counts.
select used, remaining from carrel.record_usage('chat', 40);
select allowed, used, limit_value, remaining from carrel.check_quota('chat', 1, 'tokens');
select allowed, limit_value from carrel.check_quota('chat', 100, 'cost');
select event_type, measure, used, limit_value, remaining from carrel.current_usage();

-- More room, at once; less, at once; no limit, at once.
reset role;
update carrel.plan_limits set limit_value = 150 where event_type = 'chat' and measure = 'tokens';
update carrel.plan_limits set limit_value = 100 where measure = 'events' and period = '5 hours';
select used, remaining from carrel.consume_usage('chat', 10);
select carrel.consume_usage('chat', 1);
select carrel.set_plan('11111111-1111-1111-1111-111111111111', 'enterprise');
select used, limit_value from carrel.consume_usage('chat', 1000);
select carrel.set_plan('11111111-1111-1111-1111-111111111111', 'free');
select carrel.consume_usage('chat', 1);
select plan_type from carrel.user_profiles where name = 'Ada';

-- Others' limits are theirs.
set local request.jwt.claims = '{"sub": "22222222-2222-2222-2222-222222222222"}';
select used, remaining from carrel.consume_usage('chat', 150);
-- Nothing is nothing, also after what was used before is taken back.
reset role;
update carrel.plan_limits set limit_value = 0 where event_type = 'chat' and measure = 'tokens';
set local role carrel_regress_service;
select carrel.consume_usage('chat', 1);
select carrel.void_usage(id, 'wrong') is not null as voided from carrel.usage_events where voids is null and user_id = '22222222-2222-2222-2222-222222222222';
select carrel.consume_usage('chat', 1);
reset role;
set constraints all immediate;
select * from carrel.verify_usage();
rollback;
