-- What record_usage() refuses: what could not be billed from (22023), a time too far away (PT422), nobody.
\pset format unaligned
begin;
set local timezone = 'UTC';
set local role carrel_regress_service;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select arguments, outcome(format('select duplicate from carrel.record_usage(%s)', arguments)) from (values
    ($$null$$), ($$''$$), ($$' '$$),
    ($$'chat', -1$$), ($$'chat', 0, -0.01$$), ($$'chat', 0, 'NaN'$$), ($$'chat', 0, 'Infinity'$$), ($$'chat', 0, '-Infinity'$$),
    ($$'chat', 0, 0$$), ($$'chat', 1, 1e100$$), ($$'chat', 1, 1e15$$), ($$'chat', 1e15::bigint + 1$$), ($$'chat', 1e15::bigint$$), ($$'*'$$), ($$'chat', token_types => '{"image": 5}'$$), ($$'chat', 5, token_types => '{"image": 5}'$$), ($$repeat('x', 1001)$$),
    ($$'chat', 10, token_types => '{"input": 8, "cached_input": 8}'$$)
) as given (arguments);

select arguments, split_part(outcome(format('select duplicate from carrel.record_usage(''chat'', occurred_at => %s)', arguments)), ':', 1) as answer from (values
    ('now()'), ($$now() - interval '35 days'$$), ($$now() - interval '35 days 1 second'$$), ($$now() + interval '5 minutes'$$),
    ($$now() + interval '5 minutes 1 second'$$), ($$'infinity'$$), ($$'-infinity'$$)
) as given (arguments);

select outcome($$select duplicate from carrel.record_usage('chat', occurred_at => 'infinity')$$);

-- A user who isn't there.
select outcome($$select duplicate from carrel.record_usage('chat', user_id => '33333333-3333-3333-3333-333333333333')$$);
set local request.jwt.claims = '{"sub": "33333333-3333-3333-3333-333333333333"}';
select outcome($$select duplicate from carrel.record_usage('chat')$$);

-- Nobody.
set local request.jwt.claims = '';
select outcome($$select duplicate from carrel.record_usage('chat')$$);
select outcome($$select duplicate from carrel.record_usage('chat', user_id => null)$$);
rollback;
