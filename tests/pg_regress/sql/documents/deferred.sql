-- With carrel.processing = deferred, documents wait for process_documents().
begin;
set local role carrel_regress_user;
set local carrel.processing = 'deferred';
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (id, filename, content_text, created_at) values
    ('d0000000-0000-0000-0000-000000000001', 'Third', 'third text', '2024-01-03'), ('d0000000-0000-0000-0000-000000000002', 'First', 'first text', '2024-01-01'),
    ('d0000000-0000-0000-0000-000000000003', 'None', null, '2024-01-01')
returning filename, processing_status, search_vector;
set local request.jwt.claims = '{"sub": "22222222-2222-2222-2222-222222222222"}';
insert into carrel.documents (filename, content_text, created_at) values ('Second', 'second text', '2024-01-02') returning processing_status;
select count(*) as chunks from carrel.document_chunks;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select filename as found_by_name from carrel.search_documents('first third');

-- Oldest first, at most as many as are asked for, of all users; an end user can't.
select public.outcome('select carrel.process_documents()');
set local role carrel_regress_service;
set local request.jwt.claims = '';
select carrel.process_documents(0);
select carrel.process_documents(max_documents => 2);
reset role;
select filename, processing_status, content from carrel.documents as d left join carrel.document_chunks as c on c.document_id = d.id order by d.created_at, filename;
set local role carrel_regress_service;
select carrel.process_documents();
select carrel.process_documents();
select public.outcome('select carrel.process_documents(-1)');
select public.outcome('select carrel.process_documents(null)');
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select filename, processing_status, d.search_vector, content, c.search_vector as chunk_vector
from carrel.documents as d left join carrel.document_chunks as c on document_id = d.id order by filename;

-- A changed text waits again, and its old chunks are gone with the old text.
update carrel.documents set content_text = 'fourth text' where filename = 'Third' returning processing_status, search_vector;
select count(*) as chunks_of_it from carrel.document_chunks where document_id = 'd0000000-0000-0000-0000-000000000001';
select filename from carrel.search_documents('text') order by filename;

-- What is not the text doesn't wait.
update carrel.documents set metadata = '{"a": 1}' where filename = 'First' returning processing_status;

-- In the same transaction, back to inline: the next text is processed at once.
set local carrel.processing = 'inline';
update carrel.documents set content_text = 'fifth text' where filename = 'Third' returning processing_status, search_vector;
rollback;
