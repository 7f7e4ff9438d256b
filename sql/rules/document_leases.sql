-- Used only by carrel's own functions.
alter table carrel.document_leases enable row level security;

create or replace trigger document_leases_check_privileges
    before insert or delete or update or truncate on carrel.document_leases
    for each statement execute function carrel.check_privileges();

comment on table carrel.document_leases is 'Leases on documents without a text, made by claim_documents().';
comment on column carrel.document_leases.document_id is 'Leased document.';
comment on column carrel.document_leases.lease_token is 'Token that the worker has to present.';
comment on column carrel.document_leases.lease_owner is 'Name of the worker.';
comment on column carrel.document_leases.leased_at is 'Start of the lease.';
comment on column carrel.document_leases.lease_expires_at is 'End of the lease. Until then, no other worker gets the document.';
comment on column carrel.document_leases.attempts is 'Number of leases so far.';
