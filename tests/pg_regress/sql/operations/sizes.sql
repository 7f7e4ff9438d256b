-- What is listed, and given to workers many at once, has bounds in bytes.
\set VERBOSITY terse
\set ON_ERROR_ROLLBACK on
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.agent_requests (agent_type, content) values ('chat', repeat('é', 2097152)), (repeat('t', 1000), 'x') returning octet_length(content), octet_length(agent_type);
insert into carrel.agent_requests (agent_type, content) values ('chat', repeat('é', 2097152) || 'x');
select carrel.create_request('chat', repeat('x', 4194305));
select carrel.create_request(repeat('t', 1001), 'x');
select carrel.create_request('chat', 'x', idempotency_key => repeat('k', 1001));
insert into carrel.documents (filename, file_type, storage_path, metadata) values (repeat('f', 4096), repeat('t', 1000), repeat('s', 4096), jsonb_build_object('k', repeat('v', 1048500))) returning octet_length(filename);
insert into carrel.documents (filename) values (repeat('f', 4097));
insert into carrel.documents (filename, file_type) values ('f', repeat('t', 1001));
insert into carrel.documents (filename, storage_path) values ('f', repeat('s', 4097));
insert into carrel.documents (filename, metadata) values ('f', jsonb_build_object('k', repeat('v', 1048576)));
update carrel.documents set metadata = jsonb_build_object('k', repeat('v', 1048576));
insert into carrel.agent_sessions (context_state) values (jsonb_build_object('a', repeat('x', 4194304)));
insert into carrel.documents (id, filename) values ('44444444-4444-4444-4444-444444444444', 'chunks by its user');
insert into carrel.document_chunks (document_id, chunk_index, content) values ('44444444-4444-4444-4444-444444444444', 0, repeat('x', 1048577));
select count(*) as requests, (select count(*) from carrel.documents) as documents from carrel.agent_requests;

-- Chunks take no more than so many times the room of their text, however it is to be cut: plans limit texts.
set local carrel.chunk_overlap = 1599;
select carrel.add_document('short.txt', repeat('heron ', 40)) is not null as short;
select carrel.add_document('long.txt', repeat('heron ', 4000)) is not null as long;
reset carrel.chunk_overlap;
-- Titles, which each chunk repeats, are part of that.
set local carrel.chunk_size = 10;
select carrel.add_document('titles.md', '# ' || repeat('title ', 160) || E'\n\n' || repeat('heron ', 4000)) is not null as titles;
reset carrel.chunk_size;
select filename, processing_status, processing_error, (select count(*) from carrel.document_chunks as c where c.document_id = d.id) as chunks
from carrel.documents as d where filename in ('short.txt', 'long.txt', 'titles.md') order by filename;
update carrel.documents set content_text = content_text || 'again' where filename = 'long.txt' returning processing_status, processing_error;
select carrel.rechunk_document(id, 1) from carrel.documents where filename = 'long.txt';
select count(*) as chunks from carrel.document_chunks as c join carrel.documents as d on d.id = c.document_id where filename = 'long.txt';
rollback;
