-- The documents without text that claim_documents() gave to a worker, for instance to read a scan. What a
-- lease was of stays, so that a worker that says it again is given the same answer.
create table carrel.document_leases (
    document_id uuid not null,
    lease_token uuid not null,
    lease_owner text not null,
    leased_at timestamptz not null,
    lease_expires_at timestamptz not null,
    attempts integer not null default 1,
    constraint document_leases_pkey primary key (document_id),
    constraint document_leases_document_id_fkey foreign key (document_id) references carrel.documents (id) on delete cascade
);
