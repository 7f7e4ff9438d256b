-- A session that is deleted leaves its requests, without a session. A request that is being worked on can't
-- be deleted by its user: it would be work for free.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.agent_sessions (id, title) values ('50000000-0000-0000-0000-000000000001', 'First'), ('50000000-0000-0000-0000-000000000002', 'Second');
insert into carrel.agent_requests (id, session_id, agent_type, content) values
    ('a0000000-0000-0000-0000-000000000001', '50000000-0000-0000-0000-000000000001', 'chat', 'one'),
    ('a0000000-0000-0000-0000-000000000002', '50000000-0000-0000-0000-000000000001', 'chat', 'two'),
    ('a0000000-0000-0000-0000-000000000003', '50000000-0000-0000-0000-000000000002', 'chat', 'three');
delete from carrel.agent_sessions where title = 'First';
select content, user_id, session_id from carrel.agent_requests order by id;

reset role;
update carrel.agent_requests set status = case content when 'one' then 'processing' when 'two' then 'cancelled' else 'pending' end;
set local role carrel_regress_user;
with gone as (delete from carrel.agent_requests returning content, status) select * from gone order by content;
select content, status from carrel.agent_requests;

-- Nor by way of deleting its session.
reset role;
update carrel.agent_requests set session_id = '50000000-0000-0000-0000-000000000002';
set local role carrel_regress_user;
delete from carrel.agent_sessions returning title;
select content, status, session_id is null as without_session from carrel.agent_requests;

-- Services have no DELETE on requests at all.
set local role carrel_regress_service;
select outcome('delete from carrel.agent_requests');
rollback;
