-- The chunks that chunks_to_embed() gave to a worker. No foreign key: what a lease is of may go, and it
-- lapses. The hash is that of the content that was given, so that the embedding of an older one is
-- told when it comes.
create table carrel.embedding_leases (
    chunk_id uuid not null,
    content_hash bytea,
    leased_until timestamptz not null,
    constraint embedding_leases_pkey primary key (chunk_id)
);

-- Serves: chunks_to_embed(), which deletes what has lapsed.
create index embedding_leases_leased_until_idx on carrel.embedding_leases (leased_until);
