-- Checks that an operator adds hold for what carrel writes.
\set VERBOSITY terse
\set ON_ERROR_ROLLBACK on
begin;
insert into carrel.plan_limits (plan_type, event_type, measure, limit_value) values ('free', 'chat', 'tokens', 1000);
set constraints all immediate;
call record_each_way(1);

savepoint clean;
alter table carrel.usage_events add check (tokens_used <> 7);
call record_each_way(7);
call record_each_way(8);
rollback to clean;
alter table carrel.usage_totals add check (tokens_used < 50);
call record_each_way(9);
call record_each_way(40);
select count(*) as drifted from carrel.verify_usage();
rollback;
