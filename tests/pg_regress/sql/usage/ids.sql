-- End users who may insert events can't take the ids of those that workers bill attempts by: leases' tokens, which
-- their users see.
\set ON_ERROR_ROLLBACK on
begin;
insert into carrel.agent_requests (user_id, agent_type, content) values ('11111111-1111-1111-1111-111111111111', 'chat', 'x');
set local role carrel_regress_service;
select id as request, lease_token as lease from carrel.claim_requests('w') \gset
set local role carrel_regress_metering;
set local request.jwt.claims = '{"sub": "22222222-2222-2222-2222-222222222222"}';
insert into carrel.usage_events (event_type) values ('chat');
insert into carrel.usage_events (id, event_type) values (:'lease', 'chat');
insert into carrel.usage_events (id, event_type) values (overlay(:'lease' placing 'f' from 1 for 1)::uuid, 'chat');
set local role carrel_regress_service;
set local request.jwt.claims = '';
select event_id = :'lease' as is_the_lease, duplicate from carrel.complete_request(:'request', :'lease', '{}', tokens => 1);
rollback;
