-- Usage events of deleted users, for billing. The pseudonym holds one user's events together; user_pseudonyms says for
-- a time who it was. Rows with delete_after go when that time is over. The id of an event alone is no key: an event of
-- another user, or of one who came back, may have it again.
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
    delete_after timestamptz,
    constraint usage_archive_pkey primary key (pseudonym, event_id)
);

-- Serves: purge_pseudonyms(), which deletes what is not to be kept for good.
create index usage_archive_delete_after_idx on carrel.usage_archive (delete_after)
    where delete_after is not null;
