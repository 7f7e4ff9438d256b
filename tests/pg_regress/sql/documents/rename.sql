-- A new name changes the document's vector and leaves its chunks as they are.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (id, filename, content_text)
values ('d0000000-0000-0000-0000-000000000001', 'Old lighthouse', 'It stands on the rock.')
returning search_vector;
create temp table before as select id, ctid as version from carrel.document_chunks;
update carrel.documents set filename = 'New beacon' returning processing_status, search_vector;
select count(*) as found_by_old_name from carrel.search_documents('lighthouse');
select filename as found_by_new_name from carrel.search_documents('beacon');
select count(*) as chunks_untouched from carrel.document_chunks as c join before on before.id = c.id and before.version = c.ctid;

-- One that makes it another kind of text cuts it anew: headings count in Markdown.
update carrel.documents set content_text = E'# Rock\n\nIt stands there.\n';
select section_title, heading_path from carrel.document_chunks;
update carrel.documents set filename = 'New beacon.md';
select section_title, heading_path from carrel.document_chunks;

-- What the MIME type says counts more than the name.
update carrel.documents set file_type = 'text/csv';
select section_title, heading_path from carrel.document_chunks;
update carrel.documents set file_type = 'text/markdown', filename = 'New beacon';
select section_title, heading_path from carrel.document_chunks;
rollback;
