-- Inserts an application's chunks; triggers derive their words. Leaves out chunks of documents that
-- will be chunked again.
--
-- No parameters.
insert into carrel.document_chunks
(id, user_id, document_id, chunk_index, content, section_title, heading_path, start_offset, end_offset, created_at)
select
    c.id, d.user_id, c.document_id, c.chunk_index, c.content, c.section_title,
    coalesce(c.heading_path, case when c.section_title is null then '{}' else array[c.section_title] end),
    c.start_offset, c.end_offset, coalesce(c.created_at, d.created_at, now())
from import_document_chunks as c
join carrel.documents as d on c.document_id = d.id
where d.processing_status <> 'pending';
