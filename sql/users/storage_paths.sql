-- Storage paths of a user's documents, except paths that a document of another user has too.
--
-- $1 user_id
select storage_path from carrel.documents as d
where user_id = $1 and storage_path is not null and not exists (
    select from carrel.documents as other
    where other.storage_path = d.storage_path collate "C" and other.user_id <> $1 -- noqa: RF02, RF03
)
order by storage_path
