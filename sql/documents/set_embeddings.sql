-- Stores embeddings of chunks, and deletes their leases. Skips chunks that are gone, that another
-- transaction has locked, or whose content has changed since they were leased.
--
-- $1 ids of chunks   $2 their embeddings, as text
-- Placeholders: the schema of pgvector, and its type vector or halfvec.
with target as materialized (
    select c.id, given.embedding
    from unnest($1::uuid[], $2::text[]) as given (id, embedding)
    join carrel.document_chunks as c on given.id = c.id
    left join carrel.embedding_leases as l on c.id = l.chunk_id
    where l.chunk_id is null or l.content_hash is not distinct from c.content_hash
    for no key update of c skip locked
), done as (
    delete from carrel.embedding_leases where chunk_id in (select id from target)
)
update carrel.document_chunks as c set embedding = cast(target.embedding as :schema.:type)
from target where c.id = target.id
