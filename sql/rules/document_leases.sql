-- Nobody's but carrel's own.
alter table carrel.document_leases enable row level security;

create or replace trigger document_leases_check_privileges
    before insert or delete or update or truncate on carrel.document_leases
    for each statement execute function carrel.check_privileges();

comment on table carrel.document_leases is 'The documents without text that claim_documents() gave to a worker, and how often.';
comment on column carrel.document_leases.document_id is 'The document.';
comment on column carrel.document_leases.lease_token is 'What the worker must show.';
comment on column carrel.document_leases.lease_owner is 'The worker.';
comment on column carrel.document_leases.leased_at is 'Since when the worker has it.';
comment on column carrel.document_leases.lease_expires_at is 'Until when no other worker is given it.';
comment on column carrel.document_leases.attempts is 'How often it was given to a worker.';
