-- Chunks of a user that are nearest (cosine) to an embedding, by the index on embeddings.
--
-- $1 user_id   $2 embedding, as text   $3 ids of documents; null: all   $4 maximum number of chunks
-- Placeholders: the schema of pgvector, and its type vector or halfvec.
-- Returns id, document_id, language, distance.
-- `(…) is true` keeps the planner from an index on user_id: document_chunks_embedding_idx is to be
-- used.
select id, document_id, coalesce(language, ''),
    embedding operator (:schema.<=>) cast($2 as :schema.:type)
from carrel.document_chunks
where (user_id = $1) is true and embedding is not null
    and ($3::uuid[] is null or (document_id = any($3)) is true)
order by embedding operator (:schema.<=>) cast($2 as :schema.:type) limit $4
