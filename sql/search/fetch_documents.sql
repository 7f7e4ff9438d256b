-- File names of documents and contents of their best chunks, in the order of the ids, as far as the
-- caller may see them.
--
-- $1 ids of documents   $2 id of the best chunk of each, or null
-- Returns the position in the arrays, from 1; filename; content.
select hit.position, d.filename, c.content
from unnest($1::uuid[], $2::uuid[]) with ordinality as hit (document_id, chunk_id, position)
join carrel.documents as d on hit.document_id = d.id
left join carrel.document_chunks as c on hit.chunk_id = c.id
order by hit.position
