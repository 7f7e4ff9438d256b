-- An edit in the middle of a large document keeps every chunk that it did not change: row, vector and
-- what a client attached to it.
alter table carrel.document_chunks add column embedding text;
begin;
set local role carrel_regress_service;
select carrel.act_as('11111111-1111-1111-1111-111111111111');

insert into carrel.documents (id, filename, content_text)
select 'd0000000-0000-0000-0000-000000000001', 'a.md',
    string_agg(format(E'## Section %s\n\n%s\n\n', n, repeat(format('Sentence about %s and %s. ', md5(n::text), n), 12)), '' order by n)
from generate_series(1, 1500) as n;
select octet_length(content_text) > 1000000 as is_large from carrel.documents;
reset role;
update carrel.document_chunks set embedding = 'vector of ' || id;
-- A vector that no parsing would give: it stays where nothing is parsed again.
alter table carrel.document_chunks disable trigger document_chunks_prepare;
update carrel.document_chunks set search_vector = 'marked:1' where chunk_index in (3, 700);
alter table carrel.document_chunks enable trigger document_chunks_prepare;
create temp table before as select *, ctid as version from carrel.document_chunks;
set local role carrel_regress_service;

update carrel.documents set content_text = replace(content_text, '## Section 750', E'Some words in front of it.\n\n## Section 750');
reset role;
select count(*) > 700 as many, count(*) filter (where before.id is null) <= 3 as few_are_new,
    bool_and(before.embedding is not distinct from new.embedding and before.created_at is not distinct from new.created_at
        and before.search_vector is not distinct from new.search_vector) filter (where before.id is not null) as kept_whole,
    count(*) filter (where new.search_vector = 'marked:1') as not_parsed_again, max(new.chunk_index) = count(*) - 1 as dense,
    bool_and(substr(d.content_text, new.start_offset + 1, new.end_offset - new.start_offset) = new.content) as in_place
from carrel.document_chunks as new join carrel.documents as d on d.id = new.document_id left join before on before.id = new.id;
-- Those in front of it were not even written.
select count(*) filter (where new.ctid = before.version) > 300 as untouched
from carrel.document_chunks as new join before using (id) where new.chunk_index < 370;
rollback;
alter table carrel.document_chunks drop column embedding;
