-- What is marked STABLE writes nothing: it answers in a READ ONLY transaction, and assigns no transaction id there.
create table public.calls (function text, call text);
insert into public.calls values
    ('analyze_text', 'select count(*) from carrel.analyze_text(''a heron'')'),
    ('billing_period', 'select count(*) from carrel.billing_period(''11111111-1111-1111-1111-111111111111'')'),
    ('build_context', 'select count(*) from carrel.build_context(''heron'')'),
    ('check_quota', 'select count(*) from carrel.check_quota(''agent_request'')'),
    ('current_usage', 'select count(*) > 0 from carrel.current_usage()'),
    ('current_user_id', 'select carrel.current_user_id() is not null'),
    ('default_language', 'select carrel.default_language()'),
    ('doctor', 'select count(*) > 5 from carrel.doctor()'),
    ('export_user', 'select count(*) > 0 from carrel.export_user(''11111111-1111-1111-1111-111111111111'')'),
    ('files_to_erase', 'select count(*) from carrel.files_to_erase()'),
    ('foreign_code', 'select count(*) > 20 from carrel.foreign_code()'),
    ('is_operator', 'select carrel.is_operator()'),
    ('list_users', 'select count(*) > 0 from carrel.list_users()'),
    ('next_wakeup', 'select carrel.next_wakeup() is null'),
    ('price_usage', 'select carrel.price_usage(''none'', ''{"input": 1}'') is null'),
    ('search_chunks', 'select count(*) from carrel.search_chunks(''heron'')'),
    ('search_documents', 'select count(*) from carrel.search_documents(''heron'')'),
    ('session_history', 'select count(*) from carrel.session_history(''50000000-0000-0000-0000-000000000001'')'),
    ('similar_documents', 'select count(*) from carrel.documents, carrel.similar_documents(id) as other'),
    ('stats', 'select count(*) > 50 from carrel.stats()'),
    ('suggest', 'select count(*) from carrel.suggest(''her'')'),
    ('usage_report', 'select count(*) from carrel.usage_report(now() - interval ''1 day'', now())'),
    ('verify_usage', 'select count(*) from carrel.verify_usage()'),
    ('version', 'select carrel.version() <> ''''');
select coalesce(proname, function) as function, proname is null as not_stable
from (select proname from pg_proc where pronamespace = 'carrel'::regnamespace and provolatile = 's') as p
full join public.calls on function = proname
where proname is null or function is null;

-- Afresh, for what a session has seen it need not look up again.
\connect
begin;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (filename, content_text) values ('a.txt', 'A heron.');
insert into carrel.agent_sessions (id) values ('50000000-0000-0000-0000-000000000001');
commit;
begin read only;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select function, public.outcome(call) from public.calls order by function collate "C";
select pg_current_xact_id_if_assigned() is null as no_transaction_id;
-- What writes is refused there.
select public.outcome('select carrel.create_session()');
rollback;

drop table public.calls;
delete from carrel.documents;
delete from carrel.agent_sessions;
