-- Resolves pseudonyms while bills are open.
alter table carrel.user_pseudonyms enable row level security;

drop trigger if exists user_pseudonyms_check_privileges on carrel.user_pseudonyms;
create trigger user_pseudonyms_check_privileges
    before insert or delete or update or truncate on carrel.user_pseudonyms
    for each statement execute function carrel.check_privileges();

comment on table carrel.user_pseudonyms is 'Pseudonyms of deleted users, with the user id for a limited time.';
comment on column carrel.user_pseudonyms.pseudonym is 'Pseudonym in usage_archive and files_to_erase.';
comment on column carrel.user_pseudonyms.user_hash is 'SHA-256 of the user id as text. Prevents migrate() from creating the user again.';
comment on column carrel.user_pseudonyms.deleted_user_id is 'User id until resolvable_until, then null.';
comment on column carrel.user_pseudonyms.resolvable_until is 'Time at which the user id is removed: carrel.archive_resolvable_for after the deletion.';
comment on column carrel.user_pseudonyms.deleted_at is 'Time of the deletion of the user.';
comment on index carrel.user_pseudonyms_user_hash_idx is 'Serves migrate(), which does not create deleted users again.';
comment on index carrel.user_pseudonyms_resolvable_until_idx is 'Serves purge_pseudonyms().';
