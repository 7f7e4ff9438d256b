-- A unique index that an operator adds refuses what is there; one more column stays empty.
\set VERBOSITY terse
\set ON_ERROR_ROLLBACK on
begin;
insert into carrel.plan_limits (plan_type, event_type, measure, limit_value) values ('free', 'chat', 'tokens', 1000);
set constraints all immediate;
call record_each_way(1);

alter table carrel.usage_events add column note text;
create unique index on carrel.usage_events (user_id, event_type, tokens_used) where event_type = 'once';
select duplicate from carrel.record_usage('once', 7, user_id => '11111111-1111-1111-1111-111111111111');
select duplicate from carrel.record_usage('once', 7, user_id => '11111111-1111-1111-1111-111111111111');
call record_each_way(7);
select count(*) filter (where note is null) as events from carrel.usage_events;
rollback;
