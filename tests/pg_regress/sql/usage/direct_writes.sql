-- carrel.direct_writes: rows of usage are written without a statement, or, where it is off, by statements, which
-- call the table's triggers. Both write the same.
\set VERBOSITY terse
\set ON_ERROR_ROLLBACK on
begin;
set local track_functions = 'all';
set local carrel.direct_writes = on;
update carrel.user_profiles set billing_anchor = '2024-01-15 10:00+00';
insert into carrel.plan_limits (plan_type, event_type, measure, limit_value, enforcement) values
    ('free', 'chat', 'tokens', 1000, 'hard'), ('free', '*', 'cost', 5, 'hard');
create procedure pg_temp.record(person uuid) language plpgsql as $$ begin
    for i in 1 .. 3 loop
        perform carrel.record_usage('chat', 7, 0.25, idempotency_key => 'key ' || i, user_id => person);
        perform carrel.record_usage('chat', 7, 0.25, idempotency_key => 'key ' || i, user_id => person);
        perform carrel.record_usage('agent_request', 1, user_id => person);
        perform carrel.consume_usage('chat', 9, user_id => person);
    end loop;
    perform carrel.record_usage_batch(jsonb_build_array(jsonb_build_object(
        'event_type', 'chat', 'tokens_used', 100, 'user_id', person, 'model', 'small')));
    perform carrel.settle_usage(carrel.reserve_usage('chat', 50, user_id => person), 40);
    perform carrel.void_usage(id, 'a mistake') from carrel.usage_events where user_id = person and tokens_used = 100;
    begin
        perform carrel.consume_usage('chat', 1000, user_id => person);
    exception when sqlstate 'PT402' then raise notice '%', sqlerrm;
    end;
end $$;
create view pg_temp.written as
select user_id, 'event' as what, event_type as name, tokens_used::numeric as first, cost as second, model as third
from carrel.usage_events
union all
select user_id, 'total', event_type || day, sum(tokens_used), sum(cost), sum(events)::text from carrel.usage_totals
group by user_id, event_type, day
union all
select user_id, 'left', event_type || measure || period || period_start, sum(amount), null, null
from carrel.usage_allowances group by user_id, event_type, measure, period, period_start
union all
select user_id, 'counter', '', usage_count, null, null from carrel.user_profiles;

call pg_temp.record('11111111-1111-1111-1111-111111111111');
set constraints all immediate;
select coalesce(sum(calls), 0) as triggers from pg_stat_xact_user_functions where funcname = 'count_usage';
set local carrel.direct_writes = off;
call pg_temp.record('22222222-2222-2222-2222-222222222222');
set constraints all immediate;
select sum(calls) > 9 as triggers from pg_stat_xact_user_functions where funcname = 'count_usage';

select what, count(*) from pg_temp.written where user_id = '11111111-1111-1111-1111-111111111111' group by 1 order by 1;
select what, name, first, second, third, count(distinct user_id) from pg_temp.written
where user_id in ('11111111-1111-1111-1111-111111111111', '22222222-2222-2222-2222-222222222222')
group by 1, 2, 3, 4, 5 having count(distinct user_id) < 2;
select count(*) as drifted from carrel.verify_usage();

-- An end user can't turn it.
set local role carrel_regress_user;
set local carrel.direct_writes = on;
rollback;
