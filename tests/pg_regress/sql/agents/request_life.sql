-- The life of a request: created, claimed under a lease, kept alive, completed, and billed, in one step each.
\set VERBOSITY sqlstate
\set ON_ERROR_ROLLBACK on
\pset null '(null)'
begin;
insert into carrel.plan_limits (plan_type, event_type, measure, limit_value) values ('free', 'agent_request', 'tokens', 1000);
create function pg_temp.left() returns text language sql as $$
    select string_agg(format('%s: %s used, %s left', measure, used, remaining), '; ' order by measure)
    from carrel.current_usage() where event_type = 'agent_request' and limit_value is not null
$$;
create function pg_temp.state(wanted text) returns text language sql as $$
    select format('%s, attempt %s of %s, progress %s, tokens %s, results %s, error %s, leased %s', status, attempts, max_attempts, progress, token_cost,
        coalesce(results::text, '-'), coalesce(error ->> 'message', error::text, '-'), lease_expires_at is not null)
    from carrel.agent_requests where content = wanted
$$;
set local role carrel_regress_service;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';

select carrel.create_request('chat', 'one', priority => 1, reserve_tokens => 600) is not null as created;
select carrel.create_request('chat', 'two', run_at => now() - interval '1 minute', idempotency_key => 'k') is not null as created;
select carrel.create_request('mail', 'three') is not null as created;
select pg_temp.left();

-- The same key and the same request is that one; a request beyond the limit is refused.
select carrel.create_request('chat', 'two', run_at => now() - interval '1 minute', idempotency_key => 'k') = (select id from carrel.agent_requests where content = 'two') as is_first;
select carrel.create_request('chat', 'another', idempotency_key => 'k');
select carrel.create_request('chat', 'four', reserve_tokens => 500);
insert into carrel.agent_requests (agent_type, content, reserve_tokens) values ('chat', 'four', 500);

-- Priority first, then age; types of agents; nobody is given what another has.
select content, attempts, lease_expires_at > clock_timestamp() as leased, priority, max_attempts, user_id from carrel.claim_requests('w1', 2);
select content from carrel.claim_requests('w2', 9, agent_types => array['chat']);
select content from carrel.claim_requests('w2', 9, agent_types => array['mail', null]);
select content from carrel.claim_requests('w2', 9);
select id as one, lease_token as lease from carrel.agent_requests where content = 'one' \gset
select id as two, lease_token as lease_two from carrel.agent_requests where content = 'two' \gset
select id as three, lease_token as lease_three from carrel.agent_requests where content = 'three' \gset

-- At it.
select lease_expires_at > clock_timestamp() + interval '50 seconds' as extended, cancel_requested from carrel.heartbeat_request(:'one', :'lease', 0.5, '1 minute');
select cancel_requested from carrel.heartbeat_request(:'one', :'lease', progress => 0.25);
select pg_temp.state('one');

-- A user who records their own usage can't take the id that it is to be billed by.
set local role carrel_regress_metering;
insert into carrel.usage_events (id, event_type) values (:'lease', 'chat');
insert into carrel.usage_events (event_type) values ('chat');
set local role carrel_regress_service;

-- Done: results, bill and counter; again it is the same answer.
select event_id = :'lease' as is_lease, duplicate from carrel.complete_request(:'one', :'lease', '{"answer": 42}', tokens => 700, cost => 0.01);
select event_id = :'lease' as is_lease, duplicate from carrel.complete_request(:'one', :'lease', '{"answer": 42}', tokens => 700, cost => 0.010);
select pg_temp.state('one');
select event_type, tokens_used, cost, request_id = :'one' as of_it from carrel.usage_events where request_id is not null;
select usage_count from carrel.user_profiles where user_id = carrel.current_user_id();
select pg_temp.left();

-- Otherwise it is refused, and so is who has no lease.
select * from carrel.complete_request(:'one', :'lease', '{"answer": 43}', tokens => 700, cost => 0.01);
select * from carrel.complete_request(:'one', :'lease', '{"answer": 42}', tokens => 701, cost => 0.01);
select * from carrel.fail_request(:'one', :'lease', '{"message": "no"}');
select * from carrel.heartbeat_request(:'one', :'lease');
select * from carrel.complete_request(:'two', :'lease', '{}', 5);
select * from carrel.complete_request('a0000000-0000-0000-0000-000000000009', :'lease', '{}', 5);

-- Failed, with another attempt to come; what was spent is billed as an attempt. Told again: the same.
select status, run_at > clock_timestamp() as waits from carrel.fail_request(:'two', :'lease_two', '{"message": "too busy"}', tokens => 20);
select status, run_at > clock_timestamp() as waits from carrel.fail_request(:'two', :'lease_two', '{"message": "too busy"}', tokens => 20);
select * from carrel.fail_request(:'two', :'lease_two', '{"message": "too busy"}', tokens => 21);
select * from carrel.complete_request(:'two', :'lease_two', '{}', 20);
select pg_temp.state('two');
select content from carrel.claim_requests('w1');
reset role;
update carrel.agent_requests set run_at = now() - interval '1 hour' where content = 'two';
set local role carrel_regress_service;
select content, attempts from carrel.claim_requests('w1');
select lease_token as lease_two from carrel.agent_requests where content = 'two' \gset
select status, run_at <= clock_timestamp() as at_once from carrel.fail_request(:'two', :'lease_two', null, retry_after => '0');
select content, attempts from carrel.claim_requests('w1');
select lease_token as lease_two from carrel.agent_requests where content = 'two' \gset
select * from carrel.fail_request(:'two', :'lease_two', '{"message": "still busy"}', tokens => 30);
select pg_temp.state('two');
select event_type, tokens_used from carrel.usage_events where request_id = :'two' order by tokens_used;
select pg_temp.left();

-- Tried afresh, and cancelled; by whoever it belongs to.
select carrel.retry_request(:'two');
select carrel.retry_request(:'two');
select pg_temp.state('two');
select pg_temp.left();
set local request.jwt.claims = '{"sub": "22222222-2222-2222-2222-222222222222"}';
set local role carrel_regress_user;
select carrel.cancel_request(:'two');
select carrel.retry_request(:'two');
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select carrel.cancel_request(:'two');
select carrel.cancel_request(:'two');
select carrel.cancel_request(:'one');
select carrel.retry_request(:'one');
select carrel.retry_request(:'three');

-- Who is at it learns at the next heartbeat; what it spent is billed.
select carrel.cancel_request(:'three');
delete from carrel.agent_requests where content = 'three' returning content;
set local role carrel_regress_service;
select cancel_requested from carrel.heartbeat_request(:'three', :'lease_three');
select * from carrel.fail_request(:'three', :'lease_three', '{"message": "cancelled"}', tokens => 3);
select pg_temp.state('three');
select event_type, tokens_used from carrel.usage_events where request_id = :'three';
select pg_temp.left();
select usage_count from carrel.user_profiles where user_id = carrel.current_user_id();
select * from carrel.verify_usage();

-- A request whose lease expired is requeued, which counts as an attempt; after the last one it fails.
select carrel.create_request('chat', 'five', max_attempts => 2) is not null as created;
select content, attempts from carrel.claim_requests('w1', lease => '1 microsecond');
select content, attempts from carrel.claim_requests('w2', lease => '1 microsecond');
select content, attempts from carrel.claim_requests('w3');
select pg_temp.state('five');
select pg_temp.left();

-- Old ones are removed, the books stay.
select carrel.purge_requests();
select carrel.purge_requests('0', 2), carrel.purge_requests('0');
select count(*) from carrel.agent_requests;
select count(*) from carrel.usage_events;
select * from carrel.verify_usage();
rollback;
