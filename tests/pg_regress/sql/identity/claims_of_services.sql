-- A service that names the user, document or request needs no claims of its own, and may have any.
\pset format unaligned
\pset tuples_only on
begin;
insert into carrel.documents (id, user_id, filename, content_text) values ('d0000000-0000-0000-0000-000000000001', '22222222-2222-2222-2222-222222222222', 'a.txt', 'heron');
insert into carrel.agent_requests (id, user_id, agent_type, content) select id, '22222222-2222-2222-2222-222222222222', 'chat', 'heron?' from (values
    ('a0000000-0000-0000-0000-000000000001'::uuid), ('a0000000-0000-0000-0000-000000000002')
) as given (id);
create table public.calls (call text);
insert into public.calls values
    ($$select event_id from carrel.record_usage('chat', 1, user_id => 'BOB')$$),
    ($$select event_id from carrel.consume_usage('chat', 1, user_id => 'BOB')$$),
    ($$select carrel.reserve_usage('chat', 1, user_id => 'BOB')$$),
    ($$select event_id from carrel.record_usage_batch('[{"event_type": "agent_request", "user_id": "BOB"}]')$$),
    ($$select measure from carrel.current_usage('BOB') limit 1$$),
    ($$select allowed from carrel.check_quota('chat', user_id => 'BOB')$$),
    ($$select count(*) from carrel.usage_report(now() - interval '1 day', now() + interval '1 day', user_id => 'BOB')$$),
    ($$select carrel.billing_period('BOB')$$),
    ($$select carrel.set_plan('BOB', 'pro')$$),
    ($$select count(*) from carrel.export_user('BOB')$$),
    ($$select count(*) from carrel.verify_usage('BOB')$$),
    ($$select carrel.rechunk_document('d0000000-0000-0000-0000-000000000001')$$),
    ($$select carrel.rechunk_document('d0000000-0000-0000-0000-000000000009')$$),
    ($$select carrel.cancel_request('a0000000-0000-0000-0000-000000000001')$$),
    ($$select carrel.retry_request('a0000000-0000-0000-0000-000000000001')$$),
    ($$select count(*) from carrel.claim_requests('w', 10)$$),
    ($$select count(*) from carrel.claim_documents('w')$$),
    ($$select carrel.process_documents()$$),
    ($$select carrel.create_user('33333333-3333-3333-3333-333333333333')$$),
    ($$select count(*) from carrel.delete_user('BOB')$$);
update public.calls set call = replace(call, 'BOB', '22222222-2222-2222-2222-222222222222');
grant select on public.calls to public;
create function public.answer_with(claims text, call text) returns text language plpgsql as $$
begin
    perform set_config('request.jwt.claims', claims, true);
    return public.outcome(call);
end
$$;
set local role carrel_regress_service;
select claims, count(*) as calls, count(*) filter (where answer ~ '^28000') as refused, string_agg(answer, ' ') filter (where answer ~ '^[0-9A-Z]{5}: ') as errors
from (
    select claims, public.answer_with(claims, call) as answer
    from (values (''), ('{}'), ('{"sub": "service"}'), ('{"sub": 7}'), ('none')) as given (claims), public.calls
    where call !~ 'delete_user'
) as made
group by claims order by claims;
select outcome(call) from public.calls where call ~ 'delete_user';

-- What it does for itself needs an identity still.
select outcome($$select event_id from carrel.record_usage('chat')$$);
select outcome($$select event_id from carrel.record_usage_batch('[{"event_type": "chat"}]')$$);

-- End users are asked who they are, whomever they name.
set local role carrel_regress_metering;
set local request.jwt.claims = '{"sub": "service"}';
select outcome($$select measure from carrel.current_usage('22222222-2222-2222-2222-222222222222') limit 1$$);
select outcome($$select event_id from carrel.record_usage('chat', user_id => '22222222-2222-2222-2222-222222222222')$$);
rollback;
