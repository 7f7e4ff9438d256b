-- Vectors of an older version of the analyzer are searched as they are, and replaced in the background.
begin;
select carrel.act_as('11111111-1111-1111-1111-111111111111');
insert into carrel.documents (filename, content_text) values ('Report', E'Title\n\nSome kettles.');
insert into carrel.documents (filename) values ('By hand');
insert into carrel.document_chunks (document_id, chunk_index, content, section_title)
select id, 0, 'A stove.', 'Kitchen' from carrel.documents where filename = 'By hand';
create temp table made as select id, search_vector, words, title_words from carrel.document_chunks;
select analyzer_version, count(*) from carrel.document_chunks group by 1;
select ok, detail from carrel.doctor() where check_name = 'search_vectors';

-- As an older version might have made them.
update carrel.document_chunks set search_vector = to_tsvector('simple', 'older'), words = 1, analyzer_version = 0;
select filename from carrel.search_chunks('older') order by 1;
select detail from carrel.doctor() where check_name = 'search_vectors';

select set_config('request.jwt.claims', '', true);
set local role carrel_regress_service;
select carrel.process_documents(1), carrel.process_documents(), carrel.process_documents();
reset role;
select carrel.act_as('11111111-1111-1111-1111-111111111111');
select count(*) from carrel.document_chunks as c join made using (id)
where (c.search_vector, c.words, c.title_words) is distinct from (made.search_vector, made.words, made.title_words);
select analyzer_version, count(*) from carrel.document_chunks group by 1;
select filename from carrel.search_chunks('kettle stove kitchen') order by 1;
select filename from carrel.documents where search_vector @@ 'stove' or search_vector @@ 'kettl' order by 1;
select detail from carrel.doctor() where check_name in ('search_vectors', 'search_statistics');
-- An edit reuses no vector of an older version.
update carrel.document_chunks set analyzer_version = 0, search_vector = '' where content ~ 'kettle';
update carrel.documents set content_text = content_text || ' More.' where filename = 'Report';
select count(*) from carrel.document_chunks where analyzer_version = 0;
-- A document whose language is gone keeps its vectors, and is not tried again and again.
create text search configuration public.gone (copy = simple);
insert into carrel.documents (filename, content_text, language) values ('Gone', 'A lamp.', 'public.gone');
update carrel.document_chunks set analyzer_version = 0 where content ~ 'lamp';
drop text search configuration public.gone;
select set_config('request.jwt.claims', '', true);
set local role carrel_regress_service;
select carrel.process_documents(), carrel.process_documents();
reset role;
select count(*) from carrel.document_chunks where analyzer_version = 0;
select count(*) from carrel.document_chunks where search_vector @@ 'lamp';
rollback;
