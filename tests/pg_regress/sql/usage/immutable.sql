-- Usage events are inserted and never changed, not by their owner either.
\set VERBOSITY default
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
begin;
select carrel.act_as('11111111-1111-1111-1111-111111111111');
select used from carrel.record_usage('chat', 100, 0.25, idempotency_key => 'k');

update carrel.usage_events set cost = 0;
\echo :LAST_ERROR_SQLSTATE
delete from carrel.usage_events;
\echo :LAST_ERROR_SQLSTATE
truncate carrel.usage_events;
\echo :LAST_ERROR_SQLSTATE
set local client_min_messages = warning;
truncate carrel.user_profiles cascade;
\echo :LAST_ERROR_SQLSTATE

-- Not by way of ON CONFLICT or MERGE.
insert into carrel.usage_events (event_type, idempotency_key) values ('chat', 'k')
on conflict (user_id, idempotency_key) where idempotency_key is not null do update set cost = 0;
merge into carrel.usage_events using (values (1)) as one (n) on event_type = 'chat' when matched then delete;

-- Nor where a dump is restored.
set local row_security = off;
delete from carrel.usage_events;
set local row_security = on;

-- Nothing to change is no error. They go with their user alone.
update carrel.usage_events set cost = 0 where false;
delete from carrel.user_profiles where user_id = '11111111-1111-1111-1111-111111111111';
select count(*) as events from carrel.usage_events;
rollback;
