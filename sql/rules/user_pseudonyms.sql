-- Resolves pseudonyms while bills are open.
alter table carrel.user_pseudonyms enable row level security;

create or replace trigger user_pseudonyms_check_privileges
    before insert or delete or update or truncate on carrel.user_pseudonyms
    for each statement execute function carrel.check_privileges();

comment on table carrel.user_pseudonyms is 'Pseudonyms of deleted users, with the user id for a limited time.';
comment on column carrel.user_pseudonyms.pseudonym is 'Pseudonym in usage_archive and files_to_erase.';
comment on column carrel.user_pseudonyms.user_hash is 'SHA-256 of the user id as text. Prevents migrate() from creating the user again.';
comment on column carrel.user_pseudonyms.deleted_user_id is 'User id until resolvable_until, then null.';
comment on column carrel.user_pseudonyms.resolvable_until is 'Time at which the user id is removed: carrel.archive_resolvable_for after the deletion.';
comment on column carrel.user_pseudonyms.deleted_at is 'Time of the deletion of the user.';
