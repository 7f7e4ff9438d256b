-- Nobody's but carrel's own.
alter table carrel.embedding_leases enable row level security;

create or replace trigger embedding_leases_check_privileges
    before insert or delete or update or truncate on carrel.embedding_leases
    for each statement execute function carrel.check_privileges();

comment on table carrel.embedding_leases is 'The chunks that chunks_to_embed() gave to a worker, until their embeddings come or the lease lapses.';
comment on column carrel.embedding_leases.chunk_id is 'The chunk.';
comment on column carrel.embedding_leases.content_hash is 'The content_hash of what the worker was given.';
comment on column carrel.embedding_leases.leased_until is 'When another worker may be given the chunk.';
