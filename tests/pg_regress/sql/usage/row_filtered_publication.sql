-- Publications of rows that an update can't tell by the key refuse updates by carrel as they refuse others.
\set VERBOSITY terse
\set ON_ERROR_ROLLBACK on
begin;
insert into carrel.plan_limits (plan_type, event_type, measure, limit_value) values ('free', 'chat', 'tokens', 1000);
set constraints all immediate;
call record_each_way(1);

set local client_min_messages = error;
create publication many for table carrel.usage_totals where (events > 5);
reset client_min_messages;
update carrel.usage_totals set events = events;
call record_each_way(7);
select sum(events) as events, sum(tokens_used) as tokens from carrel.usage_totals;
rollback;
