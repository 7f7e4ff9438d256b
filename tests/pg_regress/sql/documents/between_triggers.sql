-- What happens to a document between the trigger that processes it and the one that writes its chunks.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
set local carrel.chunk_size = 20;

-- Changed or deleted in RETURNING: the chunks are those of the text that stays.
create function pg_temp.change(id uuid) returns text language plpgsql as $$
begin update carrel.documents set content_text = 'second text' where documents.id = change.id; return 'changed'; end $$;
create function pg_temp.remove(id uuid) returns text language plpgsql as $$
begin delete from carrel.documents where documents.id = remove.id; return 'removed'; end $$;
insert into carrel.documents (id, filename, content_text) values ('d0000000-0000-0000-0000-000000000001', 'a.txt', 'first text') returning pg_temp.change(id);
insert into carrel.documents (id, filename, content_text) values ('d0000000-0000-0000-0000-000000000002', 'b.txt', 'first text') returning pg_temp.remove(id);
select filename, d.content_text, c.content from carrel.documents as d left join carrel.document_chunks as c on c.document_id = d.id order by 1;

-- Touched, but not its text: the chunks are written all the same, of a new text too.
create function pg_temp.touch(id uuid) returns text language plpgsql as $$
begin update carrel.documents set metadata = metadata || '{"seen": true}' where documents.id = touch.id; return 'touched'; end $$;
insert into carrel.documents (id, filename, content_text) values ('d0000000-0000-0000-0000-000000000005', 'c.txt', 'first text') returning pg_temp.touch(id);
update carrel.documents set content_text = 'newer text' where filename = 'c.txt' returning pg_temp.touch(id);
select d.content_text, c.content, metadata from carrel.documents as d left join carrel.document_chunks as c on c.document_id = d.id where filename = 'c.txt';
delete from carrel.documents where filename = 'c.txt';

-- Processed in vain, and then deferred: the document is pending, and has no chunks.
insert into carrel.documents (id, filename, content_text) values ('d0000000-0000-0000-0000-000000000001', 'a.txt', 'third text') on conflict do nothing;
set local carrel.processing = 'deferred';
update carrel.documents set content_text = 'third text' returning processing_status;
select processing_status, count(c.id) as chunks from carrel.documents as d left join carrel.document_chunks as c on c.document_id = d.id group by d.id;
set local carrel.processing = 'inline';
delete from carrel.documents;

-- A client's chunks are of the language that the document had then; its text is parsed in the one that it has.
insert into carrel.documents (id, filename) values ('d0000000-0000-0000-0000-000000000003', 'c.txt');
insert into carrel.document_chunks (document_id, chunk_index, content) values ('d0000000-0000-0000-0000-000000000003', 0, 'running dogs');
update carrel.documents set language = 'simple';
update carrel.documents set content_text = 'running dogs';
select content, search_vector from carrel.document_chunks;

-- A trigger of an operator's on carrel's own chunks writes one of another document: it can be found like any other.
insert into carrel.documents (id, filename) values ('d0000000-0000-0000-0000-000000000004', 'd.txt');
reset role;
create function pg_temp.copy_chunk() returns trigger language plpgsql as $$
begin
    if new.document_id <> 'd0000000-0000-0000-0000-000000000004' then
        insert into carrel.document_chunks (document_id, chunk_index, content) values ('d0000000-0000-0000-0000-000000000004', new.chunk_index, 'copied words');
    end if;
    return null;
end $$;
create trigger copy_chunk after insert on carrel.document_chunks for each row execute function pg_temp.copy_chunk();
insert into carrel.documents (user_id, filename, content_text) values ('11111111-1111-1111-1111-111111111111', 'e.txt', 'one text');
select content, search_vector, size, content_hash is not null as hashed from carrel.document_chunks where document_id = 'd0000000-0000-0000-0000-000000000004';
rollback;
