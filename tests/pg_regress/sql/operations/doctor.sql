-- doctor() says whether the database is as this version of carrel defines it: a row for each check.
\pset format unaligned
\pset null '(null)'
set client_min_messages = warning;
select check_name, ok, detail from carrel.doctor() order by check_name;

-- Each of these is noticed, and migrate() mends what it may.
create function pg_temp.ills() returns table (ill text) language sql as $$
    select format('%s: %s', check_name, detail) as ill from carrel.doctor() where not ok order by check_name
$$;
begin; drop policy documents_select_own on carrel.documents; select * from pg_temp.ills(); select carrel.migrate(); select * from pg_temp.ills(); rollback;
begin; alter policy documents_select_own on carrel.documents using (true); select * from pg_temp.ills(); select carrel.migrate(); select * from pg_temp.ills(); rollback;
begin; create policy everybody on carrel.documents for select using (true); select * from pg_temp.ills(); rollback;
begin; create policy fewer on carrel.documents as restrictive using (true); select * from pg_temp.ills(); rollback;
begin; alter table carrel.usage_events disable row level security; select * from pg_temp.ills(); select carrel.migrate(); select * from pg_temp.ills(); rollback;
begin; alter table carrel.documents disable trigger documents_process; select * from pg_temp.ills(); select carrel.migrate(); select * from pg_temp.ills(); rollback;
begin; drop trigger usage_events_count on carrel.usage_events; select * from pg_temp.ills(); select carrel.migrate(); select * from pg_temp.ills(); rollback;
begin; alter table carrel.usage_events disable trigger usage_events_count_requests_of_others; select * from pg_temp.ills(); select carrel.migrate(); select * from pg_temp.ills(); rollback;
begin; drop index carrel.documents_pending_idx; select * from pg_temp.ills(); select carrel.migrate(); select * from pg_temp.ills(); rollback;
begin; alter table carrel.usage_events drop constraint usage_events_cost_check; select * from pg_temp.ills(); select carrel.migrate(); select * from pg_temp.ills(); rollback;
begin; alter table carrel.documents drop column metadata; select * from pg_temp.ills() where ill like 'columns:%'; select carrel.migrate(); select * from pg_temp.ills(); rollback;
begin; alter table carrel.documents alter column filename drop not null; select * from pg_temp.ills(); rollback;
begin; alter table carrel.documents alter column file_size type numeric; select * from pg_temp.ills(); rollback;
begin; drop table carrel.usage_archive; select * from pg_temp.ills() where ill like 'tables:%'; select carrel.migrate(); select * from pg_temp.ills(); rollback;
begin; revoke select on carrel.documents from carrel_regress_user; select split_part(ill, ':', 2) as ill from pg_temp.ills(); select carrel.migrate(); select * from pg_temp.ills(); rollback;
begin; grant select on carrel.documents to public; select * from pg_temp.ills(); rollback;
begin; grant execute on function carrel.delete_user to public; select * from pg_temp.ills(); rollback;
begin; alter extension carrel add table carrel.plans; select * from pg_temp.ills(); rollback;
begin; update carrel.user_profiles set usage_count = 3 where name = 'Ada'; select * from pg_temp.ills(); rollback;

begin; select carrel.act_as('11111111-1111-1111-1111-111111111111'); insert into carrel.documents (filename, content_text) values ('a', 'one two'); delete from carrel.search_statistics; select * from pg_temp.ills(); select carrel.migrate(); select * from pg_temp.ills(); rollback;
begin; alter table carrel.document_chunks disable trigger document_chunks_count_inserted; select carrel.act_as('11111111-1111-1111-1111-111111111111'); insert into carrel.documents (filename, content_text) values ('a', 'one two'); select * from pg_temp.ills(); select carrel.migrate(); select * from pg_temp.ills(); rollback;

-- What a user adds beside it is no ill.
begin;
alter table carrel.documents add column owner_note text;
create index documents_note_idx on carrel.documents (owner_note);
create table carrel.own_table (id int);
alter table carrel.own_table enable row level security;
select * from pg_temp.ills();
rollback;
