-- rechunk_document() cuts a document of the caller's anew.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
\pset format unaligned

insert into carrel.documents (id, filename, content_text) values
    ('d0000000-0000-0000-0000-000000000001', 'a.txt', E'# Guide\n\nOne two three. Four five six.\n\n## Use\n\nSeven.'),
    ('d0000000-0000-0000-0000-000000000002', 'b.txt', null);
select carrel.rechunk_document('d0000000-0000-0000-0000-000000000001', 24);
select chunk_index, content, section_title, size from carrel.document_chunks order by chunk_index;
create temp table before as select id, ctid as version from carrel.document_chunks;

-- What comes out the same is not touched.
select carrel.rechunk_document('d0000000-0000-0000-0000-000000000001', 24);
select count(*) as untouched from carrel.document_chunks join before using (id) where version = document_chunks.ctid;

-- Every argument counts; those left out are as the settings and the file's type say.
select carrel.rechunk_document('d0000000-0000-0000-0000-000000000001', 10, 4, 'tokens', 'markdown', 'o200k');
select chunk_index, content, section_title, size from carrel.document_chunks order by chunk_index;
set local carrel.chunk_size = 6;
set local carrel.chunk_unit = 'words';
select carrel.rechunk_document(document_id => 'd0000000-0000-0000-0000-000000000001', format => 'markdown');
select chunk_index, content, section_title, size from carrel.document_chunks order by chunk_index;
select carrel.rechunk_document('d0000000-0000-0000-0000-000000000001', 1600, unit => 'characters');
select processing_status, search_vector @@ 'seven' as found from carrel.documents where filename = 'a.txt';

-- Bad arguments.
select arguments, outcome(format('select carrel.rechunk_document(%s)', arguments)) from (values
    ('''d0000000-0000-0000-0000-000000000001'', 0'), ('''d0000000-0000-0000-0000-000000000001'', 10, 10'), ('''d0000000-0000-0000-0000-000000000001'', unit => ''bytes'''),
    ('''d0000000-0000-0000-0000-000000000001'', format => ''pdf'''), ('''d0000000-0000-0000-0000-000000000001'', encoding => ''gpt2'''), ('''d0000000-0000-0000-0000-000000000001'', 3, unit => ''tokens'''),
    ('null'), ('''d0000000-0000-0000-0000-000000000009'''), ('''d0000000-0000-0000-0000-000000000002''')
) as given (arguments);

-- Another user's document is no document; and nobody has none.
set local request.jwt.claims = '{"sub": "22222222-2222-2222-2222-222222222222"}';
select outcome('select carrel.rechunk_document(''d0000000-0000-0000-0000-000000000001'', 24)');
set local request.jwt.claims = '{}';
select outcome('select carrel.rechunk_document(''d0000000-0000-0000-0000-000000000001'', 24)');

-- A service acts as its user.
set local role carrel_regress_service;
select carrel.act_as('11111111-1111-1111-1111-111111111111');
select carrel.rechunk_document('d0000000-0000-0000-0000-000000000001', 24);
rollback;
