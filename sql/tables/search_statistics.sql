-- Statistics of a user's texts in one language: number and length of the chunks, for BM25; the words of
-- chunks and file names as written, for beginnings of words, typos and suggestions; and postings: which
-- chunks have a lexeme, and where. This is the index of search: no row is of two users, so no search reads
-- entries of another user.
--
-- The rows of a user and language add up. Each statement that changes chunks or names inserts a row
-- with the difference, so writers never wait for each other. Some statements merge rows. There is no
-- foreign key: writers and the deletion of the user would wait for each other. Logical replication
-- needs the primary key for deletes.
create table carrel.search_statistics (
    id uuid not null,
    user_id uuid not null,
    language text collate "C" not null,
    chunks bigint not null,
    words bigint not null,
    vocabulary bytea not null,
    removed bigint not null,
    postings bytea not null,
    constraint search_statistics_pkey primary key (id)
);

-- Serves: search_chunks() and search_documents().
create index search_statistics_user_id_language_idx on carrel.search_statistics (user_id, language);
