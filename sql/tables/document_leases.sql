-- Leases on documents without a text, such as scans, made by claim_documents(). The row of a lease
-- that has ended stays, so that a repeated call of the worker gets the answer of the first one.
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
