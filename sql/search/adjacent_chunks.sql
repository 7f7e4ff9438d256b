-- Chunks of a document from one index to another, in order, as far as the caller may see them.
--
-- $1 document_id   $2 first chunk_index   $3 last chunk_index, inclusive
select c.content, c.start_offset, c.end_offset, c.chunk_index
from carrel.documents as d
join carrel.document_chunks as c on d.user_id = c.user_id and d.id = c.document_id
where d.id = $1 and c.chunk_index between $2 and $3
order by c.chunk_index
