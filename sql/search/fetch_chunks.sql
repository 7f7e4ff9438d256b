-- Chunks and file names by ids, in the order of the ids, as far as the caller may see them.
--
-- $1 ids of chunks
-- Returns the position in the array, from 1, and the columns of the chunk.
select hit.position, c.id, c.document_id, d.filename, c.chunk_index, c.section_title,
    c.heading_path, c.content, c.start_offset, c.end_offset
from unnest($1::uuid[]) with ordinality as hit (id, position)
join carrel.document_chunks as c on hit.id = c.id
join carrel.documents as d on c.user_id = d.user_id and c.document_id = d.id
order by hit.position
