-- Number and length of chunks by user and language, for BM25.
--
-- The rows of a user and language add up. Each statement that changes chunks inserts a row with the
-- difference, so writers never wait for each other. Some statements merge the rows into one. There
-- is no foreign key: writers and the deletion of the user would wait for each other. Logical
-- replication needs the primary key for deletes.
create table carrel.search_statistics (
    id uuid not null,
    user_id uuid not null,
    language text collate "C" not null,
    documents bigint not null,
    chunks bigint not null,
    words bigint not null,
    constraint search_statistics_pkey primary key (id)
);

-- Serves: search_chunks() and search_documents().
create index search_statistics_user_id_language_idx on carrel.search_statistics (user_id, language);
