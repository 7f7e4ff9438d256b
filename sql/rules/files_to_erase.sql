-- Written by the trigger of deleted profiles. Services read and confirm files by functions.
alter table carrel.files_to_erase enable row level security;

create or replace trigger files_to_erase_check_privileges
    before insert or delete or update or truncate on carrel.files_to_erase
    for each statement execute function carrel.check_privileges();

comment on table carrel.files_to_erase is 'Storage paths of deleted users'' documents, until erased_files() confirms that the files are gone.';
comment on column carrel.files_to_erase.id is 'Primary key (UUIDv7).';
comment on column carrel.files_to_erase.storage_path is 'Location of the file: storage_path of the document.';
comment on column carrel.files_to_erase.pseudonym is 'Pseudonym of the deleted user, as in user_pseudonyms.';
comment on column carrel.files_to_erase.deleted_at is 'Time of the deletion of the user.';
