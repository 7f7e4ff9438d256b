-- How many chunks each user has in each language, and how long they are: what BM25 ranks by. Rows add
-- up: each statement that changes chunks inserts the difference that it makes, so that writers never
-- wait for each other, and some of them fold what has gathered into one row. No foreign key, for writers
-- would wait for whoever deletes the user, and that one for them. A key, for replication deletes by it.
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
