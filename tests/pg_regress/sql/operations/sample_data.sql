-- load_sample_data() makes users with something to try out, the same each time.
\set VERBOSITY terse
begin;
delete from carrel.user_profiles;
set local role carrel_regress_service;
select * from carrel.load_sample_data(3, 4);
reset role;
select p.name, p.plan_type, count(*) as documents, bool_and(d.processing_status = 'completed') as completed,
    bool_and((select count(*) from carrel.document_chunks as c where c.document_id = d.id and cardinality(heading_path) > 0) > 0) as with_headings
from carrel.user_profiles as p join carrel.documents as d on d.user_id = p.user_id group by 1, 2 order by 1;
select status, count(*), count(completed_at) as ended from carrel.agent_requests group by 1 order by 1;
select distinct jsonb_array_length(request_chain) as requests from carrel.agent_sessions;
select count(*) as events from carrel.usage_events;
select count(*) as drift from carrel.verify_usage();
select md5(string_agg(content_text, '' order by id)) as texts from carrel.documents \gset first_
-- What is there stays; what is missing is added.
update carrel.documents set content_text = 'mine' where filename like '%-1.md';
set local role carrel_regress_service;
select count(*) as users from carrel.load_sample_data(4, 5);
reset role;
select count(*) as documents, count(*) filter (where content_text = 'mine') as mine, count(*) filter (where filename like '%-5.md') as new from carrel.documents;
delete from carrel.user_profiles;
select count(*) as users from carrel.load_sample_data(3, 4);
select md5(string_agg(content_text, '' order by id)) = :'first_texts' as same from carrel.documents;
-- Not beside other users, unless that is wanted.
select carrel.create_user('99999999-9999-9999-9999-999999999999') is not null as created;
\set ON_ERROR_ROLLBACK on
select carrel.load_sample_data(1, 1);
select count(*) as users from carrel.load_sample_data(1, 1, beside_others => true);
select carrel.load_sample_data(-1);
select carrel.load_sample_data(1, 10001);
select carrel.load_sample_data(null);
set local role carrel_regress_user;
select carrel.load_sample_data(1);
rollback;
