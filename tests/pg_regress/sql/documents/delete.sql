-- A document that is deleted takes its chunks along, and nothing else.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (filename, content_text) values ('a.txt', 'alpha'), ('b.txt', 'bravo'), ('c.txt', null);
set local request.jwt.claims = '{"sub": "22222222-2222-2222-2222-222222222222"}';
insert into carrel.documents (filename, content_text) values ('a.txt', 'alpha of Bob');
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';

delete from carrel.documents where filename in ('a.txt', 'c.txt') returning filename, processing_status;
select filename, content from carrel.document_chunks as c join carrel.documents as d on d.id = document_id;
select count(*) as found from carrel.search_chunks('alpha');

reset role;
select user_id, filename, content from carrel.document_chunks as c join carrel.documents as d using (user_id) where d.id = document_id order by 1;
rollback;
