-- Distances (cosine) of all chunks of a user to an embedding, in no order.
--
-- $1 user_id   $2 embedding, as text   $3 ids of documents; null: all
-- Placeholders: the schema of pgvector, and its type vector or halfvec.
-- Returns id, document_id, language, distance.
select id, document_id, coalesce(language, ''),
    embedding operator (:schema.<=>) cast($2 as :schema.:type)
from carrel.document_chunks
where user_id = $1 and embedding is not null and ($3::uuid[] is null or document_id = any($3))
