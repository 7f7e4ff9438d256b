-- A document without text stays pending; its text may come later.
\set ON_ERROR_ROLLBACK on
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (id, filename, file_type, storage_path)
values ('d0000000-0000-0000-0000-000000000001', 'Scan of a ledger', 'application/pdf', 'bucket/scan.pdf')
returning processing_status, file_size, search_vector;
select count(*) as chunks from carrel.document_chunks;

-- It is found by its name already, and process_documents() leaves it alone.
select filename from carrel.search_documents('ledger');
set local role carrel_regress_service;
select carrel.process_documents();

-- The text comes.
set local role carrel_regress_user;
update carrel.documents set content_text = 'Debts of the year 1834.'
returning processing_status, file_size, search_vector;
select chunk_index, content from carrel.document_chunks;
select filename from carrel.search_documents('debts');

-- And goes again: nothing derived from it is left.
update carrel.documents set content_text = null
returning processing_status, search_vector;
select count(*) as chunks from carrel.document_chunks;
select count(*) as found from carrel.search_documents('debts');

-- An end user can't insert one that says it was processed; a worker can say that it failed.
insert into carrel.documents (filename, processing_status) values ('b', 'completed');
insert into carrel.documents (filename, processing_error) values ('b', 'no reason');
set local role carrel_regress_service;
update carrel.documents set processing_status = 'failed', processing_error = 'no text in this scan'
returning processing_status, processing_error;

-- Until the text comes after all.
update carrel.documents set content_text = 'Read by hand.' returning processing_status, processing_error;
rollback;
