-- Used only by carrel's own functions.
alter table carrel.embedding_leases enable row level security;

create or replace trigger embedding_leases_check_privileges
    before insert or delete or update or truncate on carrel.embedding_leases
    for each statement execute function carrel.check_privileges();

comment on table carrel.embedding_leases is 'Leases on chunks without an embedding, made by chunks_to_embed().';
comment on column carrel.embedding_leases.chunk_id is 'Leased chunk.';
comment on column carrel.embedding_leases.content_hash is 'content_hash of the leased content.';
comment on column carrel.embedding_leases.leased_until is 'End of the lease. Until then, no other worker gets the chunk.';
