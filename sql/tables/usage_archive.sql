-- The usage events of users who were deleted with archive_usage: for the books, without anything
-- that names the user. The pseudonym is random and holds one user's events together.
create table carrel.usage_archive (
    event_id uuid not null,
    pseudonym uuid not null,
    event_type text not null,
    tokens_used bigint not null,
    cost numeric not null,
    model text,
    token_types jsonb,
    voids uuid,
    occurred_at timestamptz not null,
    archived_at timestamptz not null default now(),
    constraint usage_archive_pkey primary key (event_id)
);
