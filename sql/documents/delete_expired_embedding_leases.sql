-- Deletes expired leases of chunks, except those that another transaction has locked.
--
-- No parameters.
delete from carrel.embedding_leases where chunk_id = any(array(
    select chunk_id from carrel.embedding_leases
    where leased_until <= (select clock_timestamp()) for update skip locked
))
