-- Written when profiles are deleted; read and confirmed by functions for services.
alter table carrel.files_to_erase enable row level security;

create or replace trigger files_to_erase_check_privileges
    before insert or delete or update or truncate on carrel.files_to_erase
    for each statement execute function carrel.check_privileges();

comment on table carrel.files_to_erase is 'Storage paths of deleted users'' documents, until erased_files() confirms that the files are gone.';
comment on column carrel.files_to_erase.id is 'The key of the row (UUIDv7).';
comment on column carrel.files_to_erase.storage_path is 'The document''s storage_path.';
comment on column carrel.files_to_erase.pseudonym is 'The deleted user, as in user_pseudonyms.';
comment on column carrel.files_to_erase.deleted_at is 'When the user was deleted.';
