-- What processing makes of a large document goes through a temporary file, which Postgres' limit holds for and
-- which is gone afterwards, whatever happens.
create temp table large as
select string_agg(translate(md5(n::text), '0123456789', 'ghijklmnop') || case when n % 40 = 0 then E'.\n\n' else ' ' end, '' order by n) as content from generate_series(1, 500000) as n;
select octet_length(content) > 16000000 as is_large from large;
\set ON_ERROR_ROLLBACK on
\set VERBOSITY sqlstate
begin;
set local temp_file_limit = '1MB';
insert into carrel.documents (user_id, filename, content_text) select '11111111-1111-1111-1111-111111111111', 'a.txt', content from large;
rollback;
select count(*) as left_over from pg_ls_tmpdir();

-- Where it is deferred, it keeps none of the others waiting.
begin;
set local carrel.processing = 'deferred';
insert into carrel.documents (user_id, filename, content_text, created_at) select '11111111-1111-1111-1111-111111111111', 'a.txt', content, '2024-01-01' from large;
insert into carrel.documents (user_id, filename, content_text) values ('22222222-2222-2222-2222-222222222222', 'b.txt', 'small');
set local temp_file_limit = '1MB';
select carrel.process_documents();
select filename, processing_status, processing_error ~ 'exceeds "?temp_file_limit"?' as of_limit from carrel.documents order by filename;
rollback;

-- Without a limit it works, twice in a transaction, and nothing is left either.
begin;
insert into carrel.documents (id, user_id, filename, content_text)
select 'd0000000-0000-0000-0000-000000000001', '11111111-1111-1111-1111-111111111111', 'a.txt', content from large returning processing_status;
savepoint before;
update carrel.documents set content_text = 'word ' || content_text;
select count(*) as open from pg_ls_tmpdir();
rollback to before;
update carrel.documents set content_text = 'words and ' || content_text returning processing_status;
select count(*) > 8000 as many, max(chunk_index) + 1 = count(*) as dense,
    count(*) filter (where search_vector is distinct from to_tsvector('english', content)) as wrong_vectors
from carrel.document_chunks;
select bool_and(substr(d.content_text, start_offset + 1, end_offset - start_offset) = c.content) as in_place
from carrel.document_chunks as c join carrel.documents as d on d.id = document_id where chunk_index % 1000 = 7;
rollback;
select count(*) as left_over from pg_ls_tmpdir();
