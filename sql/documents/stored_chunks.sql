-- Chunks of a document, in order. content_hash is null if section_title is not the last heading of
-- heading_path: carrel writes no such chunk.
--
-- $1 user_id   $2 document_id
select
    case when (section_title is not distinct from heading_path[cardinality(heading_path)])
        then content_hash end,
    heading_path, id, chunk_index, start_offset, end_offset, size, title_words
from carrel.document_chunks
where user_id = $1 and document_id = $2 order by chunk_index
