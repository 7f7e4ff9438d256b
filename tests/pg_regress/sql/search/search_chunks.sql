-- search_chunks(): the caller's passages that answer a query best. Every word is optional; matched says
-- whether all were found or some.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (id, filename, file_type, content_text) values
    ('d0000000-0000-0000-0000-000000000001', 'Harbour', 'text/markdown', E'# Tides\n\nThe moon raises the tides twice a day.\n'),
    ('d0000000-0000-0000-0000-000000000002', 'Garden', 'text/plain', 'Plant by the moon, water by the sun.'),
    ('d0000000-0000-0000-0000-000000000003', 'Kitchen', null, 'Salt the water for the potatoes.');

-- All of a result.
\x on
select document_id, filename, chunk_index, section_title, heading_path, content, snippet like '%<mark>tides</mark>%' as marked, start_offset, end_offset, score > 0 as has_score, matched
from carrel.search_chunks('tides');
\x off
select chunk_id = (select id from carrel.document_chunks where document_id = 'd0000000-0000-0000-0000-000000000001') as is_the_chunk
from carrel.search_chunks('tides');

-- Words are optional, and found in any form; those with all of them are told.
select filename, matched, snippet ~ '<mark>moon</mark>' as moon, snippet ~ '<mark>tides</mark>' as tides from carrel.search_chunks('moon tide') order by filename;
select filename, matched from carrel.search_chunks('watering potato') order by filename;
select filename, matched from carrel.search_chunks('moon unicorn') order by filename;
select count(*) as found from carrel.search_chunks('unicorn');

-- Best first.
select bool_and(score <= before) as descending from (
    select score, lag(score, 1, score) over () as before from carrel.search_chunks('moon water tides')
) as results;

-- Changes are found at once.
update carrel.documents set content_text = 'Pepper is all it needs.' where filename = 'Kitchen';
select filename, content from carrel.search_chunks('pepper salt');
delete from carrel.documents where filename = 'Kitchen';
select count(*) as found from carrel.search_chunks('pepper salt');
rollback;
