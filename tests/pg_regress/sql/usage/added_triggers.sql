-- Triggers that an operator adds to the tables behind usage fire for what carrel writes there.
\set VERBOSITY terse
\set ON_ERROR_ROLLBACK on
begin;
insert into carrel.plan_limits (plan_type, event_type, measure, limit_value) values ('free', 'chat', 'tokens', 1000);
set constraints all immediate;
call record_each_way(1);

create function pg_temp.noted() returns trigger language plpgsql as $$ begin
    insert into noted values (tg_table_name, tg_op);
    if tg_level = 'ROW' and tg_op <> 'DELETE' then return new; end if;
    return null;
end $$;
create temp table noted (table_name text, operation text);
savepoint clean;

create trigger noted after insert on carrel.usage_events for each row execute function pg_temp.noted();
call record_each_way(2);
select table_name, operation, count(*) from noted group by 1, 2;
rollback to clean;
create trigger noted after insert or update on carrel.usage_totals for each row execute function pg_temp.noted();
create trigger noted after insert or update on carrel.usage_allowances for each row execute function pg_temp.noted();
create trigger noted before update on carrel.user_profiles for each row execute function pg_temp.noted();
call record_each_way(2);
select table_name, count(*) > 0 as is_noted from noted group by 1 order by 1;
select sum(events) as events, sum(tokens_used) as tokens from carrel.usage_totals;
select count(*) as drifted from carrel.verify_usage();
rollback;
