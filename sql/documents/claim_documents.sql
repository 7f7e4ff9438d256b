-- Claims documents without a text, oldest first, and leases them to a worker. Skips documents that
-- another transaction has locked.
--
-- $1 worker   $2 maximum number of documents   $3 length of the lease
-- Returns the columns of claim_documents(), and created_at.
--
-- A lease that another worker has renewed since the snapshot is left alone: the upsert checks the
-- newest version of its row.
with next as materialized (
    select d.id from carrel.documents as d
    left join carrel.document_leases as l on d.id = l.document_id
    where d.content_text is null and d.processing_status in ('pending', 'processing')
        and coalesce(l.lease_expires_at <= clock_timestamp(), true)
    order by d.created_at, d.id limit $2 for no key update of d skip locked
), leased as (
    insert into carrel.document_leases as l (document_id, lease_token, lease_owner, leased_at, lease_expires_at)
    select id, carrel.uuid_v7(), $1, clock_timestamp(), clock_timestamp() + $3 from next
    on conflict (document_id) do update set lease_token = excluded.lease_token, lease_owner = excluded.lease_owner,
        leased_at = excluded.leased_at, lease_expires_at = excluded.lease_expires_at, attempts = l.attempts + 1
    where l.lease_expires_at <= clock_timestamp()
    returning *
), claimed as (
    update carrel.documents as d set processing_status = 'processing', processing_error = null
    from leased where d.id = leased.document_id
    returning d.id, user_id, filename, file_type, file_size, storage_path, language, metadata, attempts, lease_token,
        lease_expires_at, created_at
)
select * from claimed order by created_at, id
