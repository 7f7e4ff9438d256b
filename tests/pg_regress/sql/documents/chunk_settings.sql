-- carrel.chunk_size, chunk_overlap and chunk_unit say into what chunks documents are cut.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
\pset format unaligned

set local carrel.chunk_size = 20;
select carrel.add_document('a.txt', 'One two three. Four five six. Seven eight.') is not null as added;
select chunk_index, content, size from carrel.document_chunks order by chunk_index;

-- They hold for what is written from now on: another name changes no chunk, another text all.
set local carrel.chunk_unit = 'tokens';
set local carrel.chunk_size = 6;
set local carrel.chunk_overlap = 4;
update carrel.documents set filename = 'b.txt';
select count(*) from carrel.document_chunks;
update carrel.documents set content_text = 'One two three. Four five six. Seven eight. Nine.';
select chunk_index, content, size from carrel.document_chunks order by chunk_index;

-- Settings that contradict each other are an error of whoever set them, and nothing is stored.
set local carrel.chunk_overlap = 6;
select outcome('select carrel.add_document(''c.txt'', ''text'')');
set local carrel.chunk_size = 3;
set local carrel.chunk_overlap = 0;
select outcome('select carrel.add_document(''c.txt'', ''text'')');
select count(*) from carrel.documents;
select outcome('set local carrel.chunk_size = 0');
select outcome('set local carrel.chunk_overlap = -1');
select outcome('set local carrel.chunk_unit = ''bytes''');

-- Nor do documents that wait fail for them.
set local carrel.processing = 'deferred';
select carrel.add_document('c.txt', 'text') is not null as added;
reset role;
select outcome('select carrel.process_documents()');
select filename, processing_status from carrel.documents order by id;
rollback;
