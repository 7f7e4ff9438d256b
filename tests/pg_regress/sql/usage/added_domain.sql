-- A domain that an operator adds holds for what carrel writes.
\set VERBOSITY terse
\set ON_ERROR_ROLLBACK on
begin;
insert into carrel.plan_limits (plan_type, event_type, measure, limit_value) values ('free', 'chat', 'tokens', 1000);
set constraints all immediate;
call record_each_way(1);

create domain public.never as text check (value is not null);
alter table carrel.usage_events add column never public.never default 'x';
alter table carrel.usage_events alter column never drop default;
call record_each_way(7);
rollback;
