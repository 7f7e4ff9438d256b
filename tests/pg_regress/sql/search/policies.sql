-- Policies that an operator adds hold for search as well: here, soft delete.
begin;
alter table carrel.documents add column deleted_at timestamptz;
create policy documents_not_deleted on carrel.documents as restrictive for select using (deleted_at is null);

select carrel.act_as('11111111-1111-1111-1111-111111111111');
insert into carrel.documents (id, filename, content_text)
select ('d0000000-0000-0000-0000-0000000000' || to_char(n, 'FM00'))::uuid, 'No ' || n, 'a word' from generate_series(1, 30) as n;
update carrel.documents set deleted_at = now() where filename not in ('No 29', 'No 30');

-- A page is full although what ranks before it is hidden.
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select filename from carrel.search_documents('word');
select filename from carrel.search_chunks('word');
select filename from carrel.search_documents('word', max_results => 1);
select filename from carrel.search_documents('word', max_results => 1, result_offset => 1);
select count(*) as found from carrel.search_documents('word', max_results => 1, result_offset => 2);
rollback;

-- One on chunks: a document that is found by its name shows nothing of a hidden chunk.
begin;
create policy document_chunks_public on carrel.document_chunks as restrictive for select using (content not like '%classified%');
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (filename, content_text) values ('Report', 'A classified report.'), ('Leaflet', 'A public report.');
select filename, content from carrel.search_chunks('report');
select filename, matched_chunks, snippet like '%classified%' as tells from carrel.search_documents('report') order by filename;
rollback;
