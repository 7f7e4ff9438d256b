-- What the page shows at first: Ada and Ben, with plans, documents, a period that is two thirds over, and requests.
-- For psql, as a superuser, in the directory of this file, on a database that has the extension and the roles
-- authenticated and service_role.
\set ada 018f2f5c-7a00-7000-8000-00000000000a
\set ben 018f2f5c-7a00-7000-8000-00000000000b

-- Chunks of a paragraph or two, so that short texts have some.
select format('alter database %I set carrel.chunk_size = 400', current_database()) \gexec
set carrel.chunk_size = 400;

-- Limits that a demo can come near to.
update carrel.plan_limits set limit_value = 40, enforcement = 'hard'
where plan_type = 'free' and event_type = 'agent_request';
update carrel.plan_limits set limit_value = 200, enforcement = 'hard'
where plan_type = 'pro' and event_type = 'agent_request';
update carrel.plan_limits set limit_value = 100 where plan_type = 'pro' and measure = 'documents';
update carrel.plan_limits set limit_value = 10 where plan_type = 'free' and measure = 'documents';
update carrel.plan_limits set limit_value = 100000 where measure = 'bytes';

begin;
set local role service_role;
select carrel.create_user(:'ada', 'Ada'), carrel.create_user(:'ben', 'Ben');
select carrel.set_plan(:'ada', 'pro', billing_anchor => date_trunc('day', now(), 'UTC') - interval '20 days'),
    carrel.set_plan(:'ben', 'free', billing_anchor => date_trunc('day', now(), 'UTC') - interval '12 days');

-- So many requests a day, the same each time.
select count(*)
from (values (:'ada'::uuid, 20, 9), (:'ben', 12, 4)) as who (id, days, most)
    cross join lateral generate_series(0, who.days - 1) as day
    cross join lateral generate_series(1, (day * 7 + who.most) % who.most + (day % 7 < 5)::integer) as n
    cross join lateral carrel.record_usage(
        'agent_request', 200 + (n * 37) % 400, 0.0004 + n * 0.00001, model => 'small', user_id => who.id,
        occurred_at => date_trunc('day', now(), 'UTC') - make_interval(days => who.days - day, mins => -60 - n * 7),
        idempotency_key => format('day %s, %s', day, n)
    );
commit;

begin;
set local role authenticated;
select carrel.act_as(:'ada');
\set text `cat ada/storing-leaves.md`
select carrel.add_document('storing-leaves.md', :'text', 'text/markdown');
\set text `cat ada/tasting-notes.md`
select carrel.add_document('tasting-notes.md', :'text', 'text/markdown');
\set text `cat ada/brewing-tea.md`
select carrel.add_document('brewing-tea.md', :'text', 'text/markdown');
select carrel.create_request('answer', 'Which tea tastes of pine smoke?');
commit;

begin;
set local role authenticated;
select carrel.act_as(:'ben');
\set text `cat ben/observing-list.md`
select carrel.add_document('observing-list.md', :'text', 'text/markdown');
\set text `cat ben/polar-alignment.md`
select carrel.add_document('polar-alignment.md', :'text', 'text/markdown');
select carrel.create_request('answer', 'What can I see in summer?');
commit;
