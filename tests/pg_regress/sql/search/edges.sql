-- Phrases over the edge of two chunks, and snippets that show the phrase.
begin;
set local carrel.chunk_size = 60;
select carrel.act_as('11111111-1111-1111-1111-111111111111');
insert into carrel.documents (filename, content_text) values
    ('edge.txt', E'First of all, every year there is some strategic\n\nplanning of what to do next, and of what to leave.'),
    ('apart.txt', E'First of all, every year there is some strategic thing\n\nplanning of what to do next, and of what to leave.'),
    ('inside.txt', 'The strategic planning.'),
    ('headed.md', E'# Planning\n\nFirst of all, every year there is some strategic\n\nplanning of what to do next, and of what to leave.');
select filename, chunk_index, left(content, 12) as first, right(content, 12) as last
from carrel.document_chunks as c join carrel.documents as d on d.id = document_id order by filename, chunk_index;
select filename from carrel.search_documents('"strategic planning"') order by 1;
select filename, chunk_index from carrel.search_chunks('"strategic planning"') order by 1, 2;
select filename from carrel.search_documents('"some strategic planning of what"') order by 1;
select filename from carrel.search_documents('"strategic next"') order by 1;
select filename from carrel.search_documents('year -"strategic planning"') order by 1;
select filename, chunk_index from carrel.search_chunks('year leave -"strategic planning"') order by 1, 2;
-- A chunk that is missing is no neighbour.
delete from carrel.document_chunks where chunk_index = 0 and document_id = (select id from carrel.documents where filename = 'edge.txt');
select filename from carrel.search_documents('"strategic planning"') order by 1;

set local carrel.chunk_size = 1600;
insert into carrel.documents (filename, content_text) values ('tea', 'Tea with green leaves. ' || repeat('Some other words. ', 30) || 'Drink green tea.');
select snippet from carrel.search_chunks('"green tea"');
rollback;
