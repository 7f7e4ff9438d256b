-- verify_usage() returns no row unless totals or counters differ from the events.
begin;
set local timezone = 'UTC';
set local datestyle = 'ISO';
-- What is counted at the end of a transaction, at once.
set constraints all immediate;
update carrel.user_profiles set billing_anchor = '2024-01-01 00:00+00';
insert into carrel.usage_events (user_id, event_type, tokens_used, cost, occurred_at) values
    ('11111111-1111-1111-1111-111111111111', 'chat', 10, 0.5, '2024-03-05 12:00+00'),
    ('22222222-2222-2222-2222-222222222222', 'chat', 20, 0.5, '2024-03-05 12:00+00');
select used from carrel.record_usage('agent_request', user_id => '11111111-1111-1111-1111-111111111111');
select * from carrel.verify_usage();

-- A total that somebody changed.
savepoint clean;
update carrel.usage_totals set tokens_used = 7, cost = 1 where user_id = '11111111-1111-1111-1111-111111111111' and event_type = 'chat';
select * from carrel.verify_usage();
select count(*) as of_ada from carrel.verify_usage('11111111-1111-1111-1111-111111111111');
select count(*) as of_bob from carrel.verify_usage('22222222-2222-2222-2222-222222222222');
rollback to clean;

-- One that is missing, one that has no events, and a counter.
delete from carrel.usage_totals where user_id = '11111111-1111-1111-1111-111111111111' and event_type = 'chat';
insert into carrel.usage_totals (user_id, day, period_start, event_type, model, slot, events) values ('22222222-2222-2222-2222-222222222222', '2024-05-02', '2024-05-01 00:00+00', 'invented', 'm-1', 7, 3);
update carrel.user_profiles set usage_count = 41 where name = 'Ada';
select * from carrel.verify_usage();
rollback to clean;

-- Events that came past the triggers.
alter table carrel.usage_events disable trigger usage_events_count;
insert into carrel.usage_events (user_id, event_type, tokens_used, occurred_at) values ('22222222-2222-2222-2222-222222222222', 'chat', 5, '2024-03-06 12:00+00');
alter table carrel.usage_events enable trigger usage_events_count;
select * from carrel.verify_usage();
select check_name, ok, detail from carrel.doctor() where not ok;
rollback to clean;
alter table carrel.usage_events disable trigger usage_events_refuse_change;
delete from carrel.usage_events where user_id = '22222222-2222-2222-2222-222222222222';
select * from carrel.verify_usage();
rollback to clean;

-- Another anchor or zone drifts nothing.
update carrel.user_profiles set billing_anchor = '2024-01-31 10:00+00', billing_timezone = 'America/New_York';
select * from carrel.verify_usage();
set local role carrel_regress_service;
select count(*) as drifted from carrel.verify_usage();
rollback;
