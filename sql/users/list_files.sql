-- Lists the files of a user's documents in files_to_erase.
--
-- $1 pseudonym   $2 user_id
insert into carrel.files_to_erase (id, storage_path, pseudonym)
select carrel.uuid_v7(), storage_path, $1 from (
    select distinct storage_path from carrel.documents where user_id = $2 and storage_path is not null
) as files
