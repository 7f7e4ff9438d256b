-- End users' priority and max_attempts are clamped, for they are everybody's; services' are not.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.agent_requests (agent_type, content, priority, max_attempts) values
    ('chat', 'as it comes', default, default), ('chat', 'urgent', 1000, 50), ('chat', 'when there is time', -5, 1), ('chat', 'never', -2147483648, 1), ('chat', 'as much as it may', 0, 3)
returning content, priority, max_attempts;
set local role carrel_regress_metering;
insert into carrel.agent_requests (agent_type, content, priority, max_attempts) values ('chat', 'metered', 1, 4) returning priority, max_attempts;

set local role carrel_regress_service;
insert into carrel.agent_requests (agent_type, content, priority, max_attempts) values ('chat', 'by a worker', 1000, 50) returning priority, max_attempts;

-- A role that is both is a service.
reset role;
create role carrel_regress_new;
select carrel.grant_user('carrel_regress_new');
select carrel.grant_service('carrel_regress_new');
set local role carrel_regress_new;
insert into carrel.agent_requests (agent_type, content, priority, max_attempts) values ('chat', 'by both', 7, 7) returning priority, max_attempts;
rollback;

-- What makes no sense is refused, from services too.
\set ON_ERROR_ROLLBACK on
begin;
set local role carrel_regress_service;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.agent_requests (agent_type, content, max_attempts) values ('chat', 'never', 0);
insert into carrel.agent_requests (agent_type, content, max_attempts) values ('chat', 'null', null);
rollback;
