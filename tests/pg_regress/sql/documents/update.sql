-- A new text is cut anew; chunks that it did not change keep their rows, ids and vectors.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';

-- Four paragraphs, each a chunk of its own.
insert into carrel.documents (id, filename, content_text)
select 'd0000000-0000-0000-0000-000000000001', 'a.txt',
    string_agg(word || repeat(' ' || word, 150), E'\n\n' order by word)
from unnest('{alpha,bravo,charlie,delta}'::text[]) as word;
create temp table before as
select id, chunk_index, left(content, 5) as starts, search_vector from carrel.document_chunks;
select chunk_index, starts, search_vector::text like '%:1,2,3%' as parsed from before order by chunk_index;

-- One paragraph is another now.
update carrel.documents set content_text = replace(content_text, 'bravo', 'brave') returning processing_status;
select new.chunk_index, left(new.content, 5) as starts, before.chunk_index as kept_from, before.search_vector = new.search_vector as same_vector
from carrel.document_chunks as new left join before using (id) order by 1;

-- A paragraph is put in front: all others move, with their offsets.
update carrel.documents set content_text = repeat('zulu ', 200) || E'\n\n' || content_text;
select new.chunk_index, left(new.content, 5) as starts, before.chunk_index as kept_from,
    substr(content_text, start_offset + 1, end_offset - start_offset) = new.content as offsets_are_right
from carrel.document_chunks as new join carrel.documents as d on d.id = document_id left join before on before.id = new.id order by 1;

-- The first two are gone.
update carrel.documents as d set content_text = (
    select string_agg(part, E'\n\n' order by place)
    from regexp_split_to_table(content_text, E'\n\n') with ordinality as t (part, place) where place > 2
);
select new.chunk_index, left(new.content, 5) as starts, before.chunk_index as kept_from,
    substr(content_text, start_offset + 1, end_offset - start_offset) = new.content as offsets_are_right
from carrel.document_chunks as new join carrel.documents as d on d.id = document_id left join before on before.id = new.id order by 1;

-- The document's vector follows.
select search_vector @@ 'zulu' as zulu, search_vector @@ 'brave' as brave, search_vector @@ 'charli' as charlie from carrel.documents;


-- The same text again, and an update of something else, don't touch a chunk.
create temp table versions as select id, ctid as version from carrel.document_chunks;
update carrel.documents set content_text = content_text || '';
update carrel.documents set metadata = '{"read": true}', storage_path = 'bucket/a';
select count(*) as untouched from carrel.document_chunks join versions using (id)
where version = document_chunks.ctid;
rollback;
