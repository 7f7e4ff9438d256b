-- Constraint and indexes that enable_embeddings() adds to document_chunks with the column, and that migrate() puts back where the
-- constraint is there, which says that it was called. :schema is pgvector's, :type its type: vector, or
-- halfvec beyond what an index of vectors takes; :norm is its function for the length.

-- A vector without a direction is near to nothing, and pgvector computes with squares.
alter table carrel.document_chunks add constraint document_chunks_embedding_check
    check (:schema.:norm(embedding) between 1e-15 and 1e15);

-- Serves: search_chunks() and build_context() with query_embedding, of users with many chunks.
create index document_chunks_embedding_idx on carrel.document_chunks using hnsw (embedding :schema.:type_cosine_ops);

-- Serves: chunks_to_embed(), oldest first.
create index document_chunks_without_embedding_idx on carrel.document_chunks (created_at, id) where embedding is null and content ~ '[^[:space:]]';

comment on column carrel.document_chunks.embedding is 'Embedding of content, stored by set_embeddings(); null until then, and once content changes.';
