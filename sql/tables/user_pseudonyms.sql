-- Pseudonyms of deleted users, with the user id while bills may be open. The hash of the user id
-- stays: migrate() creates no profile for a user whose hash is here.
create table carrel.user_pseudonyms (
    pseudonym uuid not null,
    user_hash bytea not null,
    deleted_user_id uuid,
    resolvable_until timestamptz not null,
    deleted_at timestamptz not null default now(),
    constraint user_pseudonyms_pkey primary key (pseudonym)
);

-- Serves: migrate(), which does not create deleted users again.
create index user_pseudonyms_user_hash_idx on carrel.user_pseudonyms (user_hash);

-- Serves: purge_pseudonyms(), which removes user ids after resolvable_until.
create index user_pseudonyms_resolvable_until_idx on carrel.user_pseudonyms (resolvable_until)
    where deleted_user_id is not null;
