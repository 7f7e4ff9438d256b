-- A document is cut as what its MIME type, or else the extension of its name, says that it is.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
set local carrel.chunk_size = 12;

insert into carrel.documents (filename, file_type, content_text) values
    ('a.txt', null, E'# One\ntwo'), ('a.md', null, E'# One\ntwo'), ('a', 'text/markdown; charset=UTF-8', E'# One\ntwo'), ('a.md', 'text/csv', E'# One\ntwo'),
    ('a.json', null, '{"a": 1, "b": [2, 3]}'), ('a', 'application/ld+json', '{"a": 1, "b": [2, 3]}'), ('a.txt', null, '{"a": 1, "b": [2, 3]}'),
    ('a.yml', 'text/plain', E'a: 1\nb:\n  - c\n'), ('a', 'application/yaml', E'a: 1\nb:\n  - c\n');
select d.filename, d.file_type, array_agg(c.content order by chunk_index) as chunks, max(c.section_title) as title
from carrel.documents as d join carrel.document_chunks as c on c.document_id = d.id group by d.id order by d.filename, d.file_type, d.content_text;
rollback;
