-- A document that is inserted with its text is processed in the same statement: RETURNING says so.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (id, filename, file_type, content_text) values
    ('d0000000-0000-0000-0000-000000000001', 'Tide report', 'text/markdown', E'# Tides\n\nThe moon pulls the sea.\n\n## Spring tides\n\nSun and moon pull together.\n'),
    ('d0000000-0000-0000-0000-000000000002', 'Notes', null, E'Buy bread.\n\nCall the harbour master.'),
    ('d0000000-0000-0000-0000-000000000003', 'Empty', 'text/plain', ''),
    ('d0000000-0000-0000-0000-000000000004', 'Blank', 'text/plain', E' \n\t\u3000\n')
returning filename, user_id, processing_status, processing_error, file_size, search_vector;

-- The chunks are there, complete.
select filename, chunk_index, section_title, heading_path, start_offset, end_offset, size, c.content, c.search_vector,
    content_hash = sha256(convert_to(c.content, 'UTF8')) as hash_is_right, c.user_id = d.user_id as same_user
from carrel.document_chunks as c join carrel.documents as d on d.id = document_id
order by filename, chunk_index;

-- What is in a chunk is what stands in the text at its offsets.
select bool_and(substr(content_text, start_offset + 1, end_offset - start_offset) = c.content) as offsets_are_right
from carrel.document_chunks as c join carrel.documents as d on d.id = document_id;

-- What a client says of the outcome is not believed.
insert into carrel.documents (filename, content_text, processing_status, processing_error, search_vector)
values ('Forged', 'two words', 'failed', 'no reason', 'forged')
returning processing_status, processing_error, search_vector;

-- A whole row of DEFAULTs, as ORMs write it.
insert into carrel.documents (id, user_id, filename, file_type, file_size, processing_status, processing_error,
    content_text, search_vector, storage_path, language, metadata, created_at, updated_at)
values (default, default, 'By drizzle', default, default, default, default, 'inserted', default, default, default, default, default, default)
returning user_id, processing_status, language, metadata, search_vector;

-- COPY, which Postgres refuses to whoever is under row-level security, is processed like INSERT.
reset role;
copy carrel.documents (id, filename, content_text) from stdin;
d0000000-0000-0000-0000-000000000005	Copied	copied from stdin
\.
select filename, processing_status, (select count(*) from carrel.document_chunks where document_id = d.id) as chunks
from carrel.documents as d order by filename;
rollback;
