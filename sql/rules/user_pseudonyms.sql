-- Operators resolve pseudonyms here while a bill is open.
alter table carrel.user_pseudonyms enable row level security;

create or replace trigger user_pseudonyms_check_privileges
    before insert or delete or update or truncate on carrel.user_pseudonyms
    for each statement execute function carrel.check_privileges();

comment on table carrel.user_pseudonyms is 'Deleted users: the pseudonym of their archived usage, and for a time the user id.';
comment on column carrel.user_pseudonyms.pseudonym is 'The pseudonym in usage_archive and files_to_erase.';
comment on column carrel.user_pseudonyms.user_hash is 'SHA-256 of the user id as text; keeps migrate() from creating the user again.';
comment on column carrel.user_pseudonyms.deleted_user_id is 'The user id until resolvable_until, then null.';
comment on column carrel.user_pseudonyms.resolvable_until is 'When the user id is forgotten: carrel.archive_resolvable_for after the deletion.';
comment on column carrel.user_pseudonyms.deleted_at is 'When the user was deleted.';
