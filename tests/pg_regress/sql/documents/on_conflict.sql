-- ON CONFLICT: a row that is not written leaves nothing behind; one that is updated is processed as updated.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (id, filename, content_text)
values ('d0000000-0000-0000-0000-000000000001', 'alpha', 'first text');

insert into carrel.documents (id, filename, content_text)
values ('d0000000-0000-0000-0000-000000000001', 'bravo', 'second text'), ('d0000000-0000-0000-0000-000000000002', 'charlie', 'third text')
on conflict (id) do nothing returning filename, processing_status;
select filename, d.search_vector, content from carrel.documents as d left join carrel.document_chunks as c on document_id = d.id order by 1;

-- The text of the new row.
insert into carrel.documents (id, filename, content_text)
values ('d0000000-0000-0000-0000-000000000001', 'bravo', 'fourth text')
on conflict (id) do update set content_text = excluded.content_text returning filename, processing_status, search_vector;
select filename, content from carrel.documents as d left join carrel.document_chunks as c on document_id = d.id order by 1;

-- Not the text of the new row.
insert into carrel.documents (id, filename, content_text)
values ('d0000000-0000-0000-0000-000000000001', 'bravo', 'fifth text')
on conflict (id) do update set filename = excluded.filename, metadata = '{"seen": true}' returning filename, processing_status, search_vector;
select filename, content from carrel.documents as d left join carrel.document_chunks as c on document_id = d.id order by 1;

-- Neither: its text is taken away.
insert into carrel.documents (id, filename, content_text)
values ('d0000000-0000-0000-0000-000000000001', 'bravo', 'sixth text')
on conflict (id) do update set content_text = null returning filename, processing_status, search_vector;
select filename, content from carrel.documents as d left join carrel.document_chunks as c on document_id = d.id order by 1;

-- MERGE is the same thing in other words.
merge into carrel.documents as d
using (values ('d0000000-0000-0000-0000-000000000001'::uuid, 'merged one'), ('d0000000-0000-0000-0000-000000000003', 'merged three')) as given (id, content)
on d.id = given.id
when matched then update set content_text = given.content
when not matched then insert (id, filename, content_text) values (given.id, 'mike', given.content);
select filename, processing_status, content from carrel.documents as d left join carrel.document_chunks as c on document_id = d.id order by 1;

-- A savepoint that is rolled back takes what was made for it along.
savepoint before_update;
update carrel.documents set content_text = 'never' where filename = 'mike';
rollback to before_update;
update carrel.documents set filename = 'november' where filename = 'mike' returning search_vector;
select filename, content from carrel.documents as d left join carrel.document_chunks as c on document_id = d.id order by 1;
rollback;
