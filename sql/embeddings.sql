-- Constraint and indexes that enable_embeddings() adds to document_chunks beside the column. migrate() adds
-- missing indexes where the constraint exists. :schema is pgvector's schema, :type its type: vector, or
-- halfvec for more dimensions than an index of vectors takes; :norm is its function for the length.

-- A vector without direction is near to nothing, and pgvector computes with squares.
alter table carrel.document_chunks add constraint document_chunks_embedding_check
    check (:schema.:norm(embedding) between 1e-15 and 1e15);

-- Serves: search_chunks() and build_context() with query_embedding, of users with many chunks.
create index document_chunks_embedding_idx on carrel.document_chunks using hnsw (embedding :schema.:type_cosine_ops);

-- Serves: chunks_to_embed(), oldest first.
create index document_chunks_without_embedding_idx on carrel.document_chunks (created_at, id) where embedding is null and content ~ '[^[:space:]]';

comment on column carrel.document_chunks.embedding is 'Embedding of content, as set_embeddings() stored it; null until then, and after content changes.';
