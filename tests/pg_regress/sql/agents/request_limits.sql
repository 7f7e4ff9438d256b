-- A request that takes no tokens or cost beforehand will use some: none is created where a hard limit of them is used up.
\set VERBOSITY sqlstate
\set ON_ERROR_ROLLBACK on
begin;
insert into carrel.plan_limits (plan_type, event_type, measure, limit_value, enforcement) values
    ('free', 'agent_request', 'tokens', 100, 'hard'), ('free', '*', 'cost', 1, 'hard');
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select carrel.create_request('chat', 'There is something left.') is not null as created;
select carrel.create_request('chat', 'All of it.', reserve_tokens => 100) is not null as created;
select carrel.create_request('chat', 'Nothing is left.');
select carrel.create_request('chat', 'Nor is this.', reserve_tokens => 1);
insert into carrel.agent_requests (agent_type, content) values ('chat', 'Nor so.');
select carrel.cancel_request(id) from carrel.agent_requests where reserve_tokens = 100;
select carrel.create_request('chat', 'There is again.') is not null as created;
select carrel.cancel_request(id) from carrel.agent_requests where content = 'There is again.';

-- Of what all usage costs as well; to try again is to ask.
set local role carrel_regress_service;
select carrel.record_usage('storage', 0, 1, user_id => '11111111-1111-1111-1111-111111111111') is not null as recorded;
set local role carrel_regress_user;
select carrel.create_request('chat', 'No money left.', reserve_tokens => 1);
select carrel.retry_request(id) from carrel.agent_requests where content = 'There is again.';

-- What was asked for before is done, and billed, all the same.
set local role carrel_regress_service;
select content, (carrel.complete_request(id, lease_token, null, 500, 0.5)).duplicate from carrel.claim_requests('w');
reset role;
select * from carrel.verify_usage();
rollback;

-- A user's transaction that was begun in a period which is over draws on the one that is now.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.agent_requests (agent_type, content, reserved_at) values ('chat', 'of last year', now() - interval '1 year')
returning reserved_at >= now() as is_now;
rollback;
