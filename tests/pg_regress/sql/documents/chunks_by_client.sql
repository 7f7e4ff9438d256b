-- Where a document has no text of its own, its user writes the chunks.
\set ON_ERROR_ROLLBACK on
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (id, filename, content_text, language) values
    ('d0000000-0000-0000-0000-000000000001', 'Scan', null, 'english'), ('d0000000-0000-0000-0000-000000000002', 'Text', 'has a text', 'english'),
    ('d0000000-0000-0000-0000-000000000003', 'German scan', null, 'german');

-- What they don't give is filled in.
insert into carrel.document_chunks (document_id, chunk_index, content, section_title) values
    ('d0000000-0000-0000-0000-000000000001', 0, 'Running waters', 'Page one'),
    ('d0000000-0000-0000-0000-000000000003', 0, 'Häuser am Wasser', null)
returning user_id, size, search_vector, content_hash = sha256(convert_to(content, 'UTF8')) as hash_is_right, start_offset, heading_path;
insert into carrel.document_chunks (document_id, chunk_index, content, section_title, heading_path, size, search_vector, content_hash)
values ('d0000000-0000-0000-0000-000000000001', 1, 'Still waters', 'Two', '{Book,Two}', 7, 'forged', 'forged')
returning size, search_vector, content_hash = sha256(convert_to(content, 'UTF8')) as hash_is_right;

-- They are found.
select filename, chunk_index, section_title from carrel.search_chunks('water') order by chunk_index;
select filename, matched_chunks from carrel.search_documents('waters');

-- Chunks of a document that has a text are derived from it; nobody else writes them.
insert into carrel.document_chunks (document_id, chunk_index, content) values ('d0000000-0000-0000-0000-000000000002', 7, 'made up');
-- One place, one chunk. Nor can there be one of no document.
insert into carrel.document_chunks (document_id, chunk_index, content) values ('d0000000-0000-0000-0000-000000000001', 0, 'again');
insert into carrel.document_chunks (document_id, chunk_index, content) values ('d0000000-0000-0000-0000-000000000001', -1, 'before');
insert into carrel.document_chunks (document_id, chunk_index, content) values ('d0000000-0000-0000-0000-000000000009', 0, 'nowhere');
insert into carrel.document_chunks (document_id, chunk_index, content) values ('d0000000-0000-0000-0000-000000000001', 0, 'again')
on conflict (user_id, document_id, chunk_index) do nothing;

-- Bob writes none into Ada's.
set local request.jwt.claims = '{"sub": "22222222-2222-2222-2222-222222222222"}';
insert into carrel.document_chunks (document_id, chunk_index, content) values ('d0000000-0000-0000-0000-000000000001', 2, 'of Bob');
insert into carrel.document_chunks (user_id, document_id, chunk_index, content)
values ('11111111-1111-1111-1111-111111111111', 'd0000000-0000-0000-0000-000000000001', 2, 'of Bob');

-- When the text comes, chunks are derived from it, and those of the client are gone.
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
update carrel.documents set content_text = 'Deep waters' where filename = 'Scan';
select chunk_index, content from carrel.document_chunks where document_id = 'd0000000-0000-0000-0000-000000000001';
rollback;
