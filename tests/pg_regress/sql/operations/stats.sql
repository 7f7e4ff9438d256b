-- stats() says how a database stands.
begin;
delete from carrel.user_profiles;
set local role carrel_regress_service;
select name from carrel.stats();
select count(*) as users from carrel.load_sample_data(2, 3);
reset role;
set local carrel.processing = 'deferred';
insert into carrel.documents (user_id, filename, content_text, created_at) select user_id, 'later.txt', 'A mole.', now() - interval '90 seconds' from carrel.user_profiles;
insert into carrel.documents (user_id, filename) select user_id, 'scan.pdf' from carrel.user_profiles;
set local role carrel_regress_service;
select count(*) as claimed from carrel.claim_requests('w', 1, lease => '1 second');
select pg_sleep(1.1);
select name, value, detail from carrel.stats() where name ~ '^(documents|agent_requests)[.](?!bytes|dead|oldest)' or name in ('user_profiles.rows', 'usage_events.rows', 'indexes.invalid');
select name, value >= 90 as long from carrel.stats() where name ~ 'oldest.*_seconds$' and value is not null and name like 'documents.oldest_p%';
-- A user may give any time.
set local role carrel_regress_service;
insert into carrel.documents (user_id, filename, created_at) select user_id, 'x', t from carrel.user_profiles, unnest(array['-infinity', 'infinity', '4713-01-01 BC']::timestamptz[]) as t;
select count(*) > 10 as works from carrel.stats();
rollback;

-- Not for end users.
begin;
set local role carrel_regress_user;
select carrel.stats();
rollback;
