-- search_documents(): each document once, with its best passage and how many of its chunks match.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (id, filename, content_text) values
    ('d0000000-0000-0000-0000-000000000001', 'Log of the voyage',
        'The whale was seen at noon. ' || repeat('Nothing happened that day. ', 60) || E'\n\n' || repeat('Still nothing at all. ', 75) || E'\n\n' || 'A whale again, a white whale.'),
    ('d0000000-0000-0000-0000-000000000002', 'Cookery', 'No fish today.'),
    ('d0000000-0000-0000-0000-000000000003', 'Whale watching', null);
select filename, count(*) as chunks from carrel.documents as d left join carrel.document_chunks on document_id = d.id group by 1 order by 1;

select document_id, filename, matched_chunks, snippet ~ '<mark>white</mark>' as marked, score > 0 as has_score from carrel.search_documents('white whale') order by document_id;
select filename, matched_chunks from carrel.search_documents('fish');
select count(*) as found from carrel.search_documents('unicorn');

-- A document that is found by its name alone shows its name.
select filename, matched_chunks, snippet from carrel.search_documents('watching');

-- A document of chunks in several languages is found once.
insert into carrel.documents (id, filename) values ('d0000000-0000-0000-0000-000000000004', 'By hand');
insert into carrel.document_chunks (document_id, chunk_index, content) values ('d0000000-0000-0000-0000-000000000004', 0, 'okapi');
update carrel.documents set language = 'simple' where filename = 'By hand';
insert into carrel.document_chunks (document_id, chunk_index, content) values ('d0000000-0000-0000-0000-000000000004', 1, 'okapi again');
select filename from carrel.search_documents('okapi');
select filename from carrel.search_documents('okapi -again');

-- Words in different chunks are found together.
select filename, matched_chunks from carrel.search_documents('noon white');
rollback;
