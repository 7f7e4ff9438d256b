-- A text of 3 MB of distinct words, of which the vector passes the 1 MB that Postgres allows: it is
-- stored, completed, and found by its first words and by its last.
begin;
select octet_length(text) > 3000000 as over_3_mb, words
from (select string_agg(md5(n::text), ' ') as text, count(*) as words from generate_series(1, 100000) as n) as made;

set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (id, filename, content_text)
select 'd0000000-0000-0000-0000-000000000001', 'Hashes', string_agg(md5(n::text), ' ' order by n) from generate_series(1, 100000) as n
returning processing_status, processing_error, file_size;
select length(search_vector) > 10000 as many_words, search_vector @@ 'hash' as has_name from carrel.documents;
select count(*) > 2000 as many_chunks, bool_and(length(content) <= 1600) as none_too_long from carrel.document_chunks;

select n, chunk_index, matched from unnest('{1,50000,100000}'::int[]) as n
cross join lateral carrel.search_chunks(md5(n::text)) order by n;
select n, filename from unnest('{1,50000,100000}'::int[]) as n
cross join lateral carrel.search_documents(md5(n::text)) order by n;

select filename from carrel.search_documents('hashes');

-- Renaming it, and a new sentence in front, work as with any other.
update carrel.documents set filename = 'Checksums' returning processing_status, search_vector @@ 'hash' as old_name, search_vector @@ 'checksum' as new_name;
update carrel.documents set content_text = E'A preface.\n\n' || content_text returning processing_status;
select count(*) as found from carrel.search_documents('preface');
rollback;

-- One word of a megabyte is no word, and no error.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (filename, content_text) values ('One word', repeat('x', 1000000)), ('Two', repeat('y', 3000) || ' end')
returning filename, processing_status, processing_error;
select filename, count(*) as chunks from carrel.documents as d join carrel.document_chunks on document_id = d.id group by 1 order by 1;
rollback;
