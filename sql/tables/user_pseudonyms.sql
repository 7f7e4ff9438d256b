-- Deleted users: the pseudonym of their archived usage, and the user id for as long as a bill may be open. The hash
-- stays: migrate() creates no profile for a user whose hash is here.
create table carrel.user_pseudonyms (
    pseudonym uuid not null,
    user_hash bytea not null,
    deleted_user_id uuid,
    resolvable_until timestamptz not null,
    deleted_at timestamptz not null default now(),
    constraint user_pseudonyms_pkey primary key (pseudonym)
);

-- Serves: migrate(), which passes over users who were deleted.
create index user_pseudonyms_user_hash_idx on carrel.user_pseudonyms (user_hash);

-- Serves: purge_pseudonyms(), which forgets who is not to be resolved any more.
create index user_pseudonyms_resolvable_until_idx on carrel.user_pseudonyms (resolvable_until)
    where deleted_user_id is not null;
