-- True after enable_embeddings(): its constraint exists. A dump carries the constraint.
--
-- No parameters.
select exists(
    select from pg_constraint
    where conrelid = to_regclass('carrel.document_chunks') and conname = 'document_chunks_embedding_check'
)
