-- Languages and search vectors of a document's chunks.
--
-- $1 user_id   $2 document_id
select language, search_vector
from carrel.document_chunks
where user_id = $1 and document_id = $2 and words is not null
