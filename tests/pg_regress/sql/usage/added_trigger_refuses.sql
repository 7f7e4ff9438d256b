-- A trigger of an operator keeps events from being stored; what is not stored is not counted.
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

create trigger refused before insert on carrel.usage_events for each row when (new.tokens_used > 5) execute function pg_temp.noted();
create function pg_temp.refuse() returns trigger language plpgsql as $$ begin return null; end $$;
create trigger z_refused before insert on carrel.usage_events for each row when (new.tokens_used > 5) execute function pg_temp.refuse();
call record_each_way(6);
call record_each_way(3);
select event_type, count(*) from carrel.usage_events group by 1 order by 1;
select count(*) as drifted from carrel.verify_usage();
rollback;
