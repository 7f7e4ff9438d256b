-- Chunks of a document whose search vectors can be reused: chunks that carrel made.
--
-- $1 user_id   $2 document_id   $3 version of the analyzer
select content_hash, heading_path, id
from carrel.document_chunks
where user_id = $1 and document_id = $2 and content_hash is not null
    and analyzer_version = $3 and search_vector is not null and words is not null and language is not null
    and section_title is not distinct from heading_path[cardinality(heading_path)]
