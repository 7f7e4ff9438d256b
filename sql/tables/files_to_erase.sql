-- Files of deleted users: storage paths of their documents, until erased_files() confirms that the
-- files are gone.
create table carrel.files_to_erase (
    id uuid not null,
    storage_path text collate "C" not null,
    pseudonym uuid not null,
    deleted_at timestamptz not null default now(),
    constraint files_to_erase_pkey primary key (id)
);

-- Serves: files_to_erase(), oldest first.
create index files_to_erase_deleted_at_idx on carrel.files_to_erase (deleted_at, id);

-- Serves: erased_files(). A hash index: paths may be too long for entries of a B-tree.
create index files_to_erase_storage_path_idx on carrel.files_to_erase using hash (storage_path);
