-- Leases on chunks without an embedding, made by chunks_to_embed(). There is no foreign key: a
-- lease on a deleted chunk expires. The hash identifies the leased content, so that
-- set_embeddings() refuses the embedding of an older content.
create table carrel.embedding_leases (
    chunk_id uuid not null,
    content_hash bytea,
    leased_until timestamptz not null,
    constraint embedding_leases_pkey primary key (chunk_id)
);

-- Serves: chunks_to_embed(), which deletes expired leases.
create index embedding_leases_leased_until_idx on carrel.embedding_leases (leased_until);
