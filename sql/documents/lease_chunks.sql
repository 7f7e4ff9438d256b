-- Leases chunks without an embedding to a worker, oldest first. Skips blank chunks, leased chunks,
-- and chunks that another transaction has locked.
--
-- $1 maximum number of chunks; null: all   $2 length of the lease
-- Returns id, content, and true if the chunk is leased by this statement; false: another worker
-- leased it after the snapshot was taken.
with free as materialized (
    select c.id, c.content, c.content_hash from carrel.document_chunks as c
    where c.embedding is null and c.content ~ '[^[:space:]]'
        and not exists (select from carrel.embedding_leases as l where l.chunk_id = c.id)
    order by c.created_at, c.id limit $1
    for no key update of c skip locked
), leased as (
    insert into carrel.embedding_leases (chunk_id, content_hash, leased_until)
    select id, content_hash, clock_timestamp() + $2 from free
    on conflict do nothing
    returning chunk_id
)
select free.id, free.content, exists(select from leased where leased.chunk_id = free.id) from free
