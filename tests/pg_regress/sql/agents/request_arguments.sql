-- What can be said about requests, and what can't: clear errors, and nothing changed.
\pset format unaligned
\pset tuples_only on
begin;
set local role carrel_regress_service;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.agent_requests (id, agent_type, content) values ('a0000000-0000-0000-0000-000000000001', 'chat', 'one');
select regexp_replace(outcome('select carrel.create_request(' || arguments || ')'), '^[0-9a-f-]{36}$', 'created') from (values
    ($$null, 'x'$$), ($$'chat', null$$), ($$'', 'x'$$), ($$'chat', 'x', priority => null$$), ($$'chat', 'x', max_attempts => 0$$), ($$'chat', 'x', max_attempts => null$$),
    ($$'chat', 'x', reserve_tokens => -1$$), ($$'chat', 'x', reserve_tokens => 1000000000000001$$), ($$'chat', 'x', reserve_tokens => null$$), ($$'chat', 'x', idempotency_key => ''$$),
    ($$'chat', 'x', '50000000-0000-0000-0000-000000000009'$$), ($$'chat', 'x', run_at => 'infinity'$$), ($$'chat', 'x', priority => 2147483647, max_attempts => 2147483647$$)
) as given (arguments);
select outcome('select * from carrel.claim_requests(' || arguments || ')') from (values
    ('null'), ($$''$$), ($$repeat('w', 1001)$$), ($$'w', 0$$), ($$'w', -1$$), ($$'w', null$$), ($$'w', 10001$$), ($$'w', lease => null$$), ($$'w', lease => '0'$$),
    ($$'w', lease => '-1 second'$$), ($$'w', lease => '8 days'$$), ($$'w', lease => '1 month'$$), ($$'w', agent_types => '{}'$$), ($$'w', agent_types => '{null}'$$)
) as given (arguments);
select lease_token as lease from carrel.claim_requests('worker of one', 9, agent_types => '{chat}') where content = 'one' \gset
select outcome(format('select * from carrel.heartbeat_request(%s)', replace(arguments, 'ONE', format('%L, %L', 'a0000000-0000-0000-0000-000000000001', :'lease')))) from (values
    ($$null, 'a0000000-0000-0000-0000-000000000001'$$), ($$'a0000000-0000-0000-0000-000000000001', null$$), ($$ONE, -0.1$$), ($$ONE, 1.1$$), ($$ONE, 'NaN'$$),
    ($$ONE, extend => '0'$$), ($$ONE, extend => null$$), ($$ONE, extend => '1 year'$$), ($$ONE, 'infinity'$$)
) as given (arguments);
select outcome(format('select * from carrel.complete_request(%s)', replace(arguments, 'ONE', format('%L, %L', 'a0000000-0000-0000-0000-000000000001', :'lease')))) from (values
    ($$null, null, '{}'$$), ($$ONE, '{}', tokens => -1$$), ($$ONE, '{}', tokens => 1000000000000001$$), ($$ONE, '{}', cost => -0.1$$), ($$ONE, '{}', cost => 'NaN'$$), ($$ONE, '{}', cost => 'Infinity'$$),
    ($$ONE, '{}', tokens => 1, token_types => '{"input": 5}'$$), ($$ONE, '{}', token_types => '{"unheard": 5}'$$), ($$ONE, '{"zero": "\u0000"}'$$)
) as given (arguments);
select outcome(format('select * from carrel.fail_request(%s)', replace(arguments, 'ONE', format('%L, %L', 'a0000000-0000-0000-0000-000000000001', :'lease')))) from (values
    ($$null, null, '{}'$$), ($$ONE, '{}', retry_after => '-1 second'$$), ($$ONE, '{}', retry_after => '-1 month'$$), ($$ONE, '{}', tokens => -1$$), ($$ONE, '{}', cost => 'NaN'$$)
) as given (arguments);
select outcome('select carrel.' || call) from (values
    ('cancel_request(null)'), ('retry_request(null)'), ($$cancel_request('a0000000-0000-0000-0000-000000000009')$$), ($$retry_request('a0000000-0000-0000-0000-000000000009')$$),
    ('purge_requests(null)'), ($$purge_requests('-1 day')$$), ('purge_requests(max_rows => null)'), ('purge_requests(max_rows => -1)'), ($$next_wakeup('{}')$$)
) as given (call);
select status, attempts, progress, token_cost, error, results, (select count(*) from carrel.usage_events) from carrel.agent_requests where content = 'one';

-- End users wait their turn, and ask for no time before it began to hold.
set local role carrel_regress_user;
select outcome('select * from carrel.claim_requests(''me'')'), outcome('select carrel.purge_requests()'), outcome('select carrel.next_wakeup()');
select outcome($$select * from carrel.complete_request('a0000000-0000-0000-0000-000000000001', 'a0000000-0000-0000-0000-000000000001', '{}')$$);
select outcome($$insert into carrel.agent_requests (agent_type, content, reserve_tokens) values ('chat', 'x', -1)$$);
set local request.jwt.claims = '';
select outcome($$select carrel.cancel_request('a0000000-0000-0000-0000-000000000001')$$), outcome($$select carrel.retry_request('a0000000-0000-0000-0000-000000000001')$$);
rollback;
