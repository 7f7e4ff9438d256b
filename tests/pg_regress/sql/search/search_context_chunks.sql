-- context_chunks: the chunks before and after are part of the content, which the offsets are of.
\set VERBOSITY default
\set ON_ERROR_ROLLBACK on
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
set local carrel.chunk_size = 30;
insert into carrel.documents (id, filename, content_text) values
    ('d0000000-0000-0000-0000-000000000001', 'Week', E'Monday is for mending.\n\n\nTuesday is for tailoring.\n\nWednesday is for washing.\n\nThursday is for thinking.');
insert into carrel.documents (id, filename, file_type, content_text) values
    ('d0000000-0000-0000-0000-000000000002', 'Page', 'text/html', '<p>Friday is for <b>frying</b>.</p><p>Saturday is for sailing.</p><p>Sunday is for singing.</p>');
insert into carrel.documents (id, filename) values ('d0000000-0000-0000-0000-000000000003', 'By hand');
insert into carrel.document_chunks (document_id, chunk_index, content) values ('d0000000-0000-0000-0000-000000000003', 0, 'Spring'), ('d0000000-0000-0000-0000-000000000003', 1, 'Summer');

select word, n, chunk_index, to_json(content) as content, start_offset, end_offset,
    content = substr((select content_text from carrel.documents where id = document_id), start_offset + 1, end_offset - start_offset) as exact, snippet
from (values ('tuesday', 0), ('tuesday', 1), ('tuesday', 2), ('monday', 1), ('thursday', 1000000), ('saturday', 1), ('summer', 1), ('tuesday', 2147483647)) as given (word, n),
    carrel.search_chunks(word, context_chunks => n);

select count(*) from carrel.search_chunks('tuesday', context_chunks => -1);
select count(*) from carrel.search_chunks('tuesday', context_chunks => null);

-- Offsets that a client made up; a chunk that a policy hides.
insert into carrel.documents (id, filename) values ('d0000000-0000-0000-0000-000000000004', 'Made up');
insert into carrel.document_chunks (document_id, chunk_index, content, start_offset, end_offset) values
    ('d0000000-0000-0000-0000-000000000004', 0, 'Autumn', 2147483647, 2147483647), ('d0000000-0000-0000-0000-000000000004', 1, 'Winter', 2147483647, 2147483647);
select to_json(content) as content from carrel.search_chunks('winter', context_chunks => 1);
reset role;
create policy not_wednesday on carrel.document_chunks as restrictive for select using (content !~ 'Wednesday');
set local role carrel_regress_user;
select to_json(content) as content from carrel.search_chunks('tuesday', context_chunks => 2);
select filename from carrel.search_documents('wednesday');
select to_json(context) as context from carrel.build_context('tuesday wednesday thursday');

-- Embeddings there are none.
select count(*) from carrel.search_chunks('tuesday', query_embedding => '[1, 2]');
rollback;
