-- An event that voids another takes it back: its amounts are negative, and there is one for each event.
\set ON_ERROR_ROLLBACK on
begin;
-- What is counted at the end of a transaction, at once.
set constraints all immediate;
insert into carrel.usage_events (id, user_id, event_type, tokens_used, cost) values
    ('e0000000-0000-0000-0000-000000000001', '11111111-1111-1111-1111-111111111111', 'agent_request', 100, 0.5),
    ('e0000000-0000-0000-0000-000000000002', '11111111-1111-1111-1111-111111111111', 'agent_request', 200, 1);
select usage_count from carrel.user_profiles where name = 'Ada';

insert into carrel.usage_events (user_id, event_type, tokens_used, cost, voids)
values ('11111111-1111-1111-1111-111111111111', 'agent_request', -100, -0.5, 'e0000000-0000-0000-0000-000000000001');
select usage_count from carrel.user_profiles where name = 'Ada';
select event_type, events, tokens_used, cost from carrel.usage_totals;

-- The signs.
insert into carrel.usage_events (user_id, event_type, tokens_used, voids)
values ('11111111-1111-1111-1111-111111111111', 'agent_request', 1, 'e0000000-0000-0000-0000-000000000002');
insert into carrel.usage_events (user_id, event_type, cost, voids)
values ('11111111-1111-1111-1111-111111111111', 'agent_request', 0.01, 'e0000000-0000-0000-0000-000000000002');
insert into carrel.usage_events (user_id, event_type, cost, voids)
values ('11111111-1111-1111-1111-111111111111', 'agent_request', '-Infinity', 'e0000000-0000-0000-0000-000000000002');
insert into carrel.usage_events (user_id, event_type, tokens_used) values ('11111111-1111-1111-1111-111111111111', 'agent_request', -1);
insert into carrel.usage_events (user_id, event_type, cost) values ('11111111-1111-1111-1111-111111111111', 'agent_request', -1);

-- Once.
insert into carrel.usage_events (user_id, event_type, tokens_used, voids)
values ('11111111-1111-1111-1111-111111111111', 'agent_request', -100, 'e0000000-0000-0000-0000-000000000001');

-- All that is left is what was not taken back.
select usage_count from carrel.user_profiles where name = 'Ada';
select count(*) as drifted from carrel.verify_usage();
rollback;
