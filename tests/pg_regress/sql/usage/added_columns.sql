-- Columns that an operator adds have their defaults, or what they are generated from.
\set VERBOSITY terse
\set ON_ERROR_ROLLBACK on
begin;
insert into carrel.plan_limits (plan_type, event_type, measure, limit_value) values ('free', 'chat', 'tokens', 1000);
set constraints all immediate;
call record_each_way(1);

alter table carrel.usage_events add column region text not null default 'eu', add column shard int generated always as (tokens_used % 4) stored;
call record_each_way(7);
select region, shard, count(*) from carrel.usage_events group by 1, 2 order by 1, 2;
rollback;
