-- Foreign keys that an operator adds hold: another one in the place of carrel's, of a column that carrel changes, and to it.
\set VERBOSITY terse
\set ON_ERROR_ROLLBACK on
begin;
insert into carrel.plan_limits (plan_type, event_type, measure, limit_value) values ('free', 'chat', 'tokens', 1000);
set constraints all immediate;
call record_each_way(1);

savepoint clean;
create table public.regions (user_id uuid primary key);
alter table carrel.usage_events drop constraint usage_events_user_id_fkey,
    add constraint usage_events_user_id_fkey foreign key (user_id) references public.regions not valid;
call record_each_way(7);
select event_type, count(*) from carrel.usage_events group by 1 order by 1;
rollback to clean;
create table public.regions (user_id uuid primary key);
alter table carrel.usage_totals drop constraint usage_totals_user_id_fkey,
    add foreign key (user_id) references public.regions not valid;
select duplicate from carrel.record_usage('seldom', 7, user_id => '11111111-1111-1111-1111-111111111111');
rollback to clean;
create table public.regions (tokens_used numeric unique);
alter table carrel.usage_totals add foreign key (tokens_used) references public.regions (tokens_used) not valid;
call record_each_way(7);
rollback to clean;
alter table carrel.usage_totals add unique (tokens_used, user_id, day, period_start, event_type, model, slot);
create table public.noted as select tokens_used, user_id, day, period_start, event_type, model, slot from carrel.usage_totals;
alter table public.noted add foreign key (tokens_used, user_id, day, period_start, event_type, model, slot)
    references carrel.usage_totals (tokens_used, user_id, day, period_start, event_type, model, slot);
call record_each_way(7);
rollback;
