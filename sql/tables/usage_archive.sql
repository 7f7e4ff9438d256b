-- Usage events of deleted users, kept for accounting. A pseudonym groups the events of one user.
-- user_pseudonyms maps it to the user id for a limited time. Rows are deleted after delete_after.
--
-- The id of an event is not unique here: an event of another user, or of a user who has returned,
-- may have the id again.
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

-- Serves: purge_pseudonyms(), which deletes rows after delete_after.
create index usage_archive_delete_after_idx on carrel.usage_archive (delete_after)
    where delete_after is not null;
