-- A short session in psql: a user, and a worker that answers. PGHOST and PGDATABASE say where: psql -X -q -f session.sql
\set ON_ERROR_STOP on
\pset null (null)

\connect - service_role
select carrel.create_user(name => 'Ada') as ada \gset

-- The user: an identity for a transaction.
\connect - authenticated
begin;
select carrel.act_as(:'ada') \gset

insert into carrel.documents (filename, content_text)
values ('tea.md', E'# Green tea\n\nBrew green tea at 80 °C for two minutes.')
returning filename, processing_status;

select filename, heading_path, matched from carrel.search_chunks('How long do I brew green tea?');

select carrel.create_request('chat', 'Which tea is the mildest?') is not null as asked;
commit;

-- Without an identity there is nothing to see.
select count(*) from carrel.documents;

-- The worker: whatever there is to do, of all users.
\connect - service_role
select id as request, lease_token as lease, content from carrel.claim_requests('psql', lease => '1 minute') \gset
\echo claimed: :content
select duplicate from carrel.complete_request(:'request', :'lease', '{"answer": "White tea."}', tokens => 210);

-- The user, again; and what it cost.
\connect - authenticated
begin;
select carrel.act_as(:'ada') \gset
select content, status, results from carrel.agent_requests;
select event_type, measure, used from carrel.current_usage() where used > 0;
rollback;

-- An error has an SQLSTATE to act on.
\set ON_ERROR_STOP off
select * from carrel.search_chunks('tea');
\echo :LAST_ERROR_SQLSTATE :LAST_ERROR_MESSAGE
