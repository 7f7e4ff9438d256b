-- Average distance (cosine) of a user's chunks to an embedding, of 1,000 of them.
--
-- $1 user_id   $2 embedding, as text
-- Placeholders: the schema of pgvector, and its type vector or halfvec.
select avg(embedding operator (:schema.<=>) cast($2 as :schema.:type))
from (
    select embedding from carrel.document_chunks where user_id = $1 and embedding is not null order by document_id, chunk_index limit 1000
) as sample
