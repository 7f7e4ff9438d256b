-- The passages that documents are searched by. The unique key is not deferrable, for a deferrable
-- one forbids ON CONFLICT. Users reach user_profiles by way of their documents: a key of its own
-- would be checked for every chunk and could say nothing new.
create table carrel.document_chunks (
    id uuid not null,
    user_id uuid not null,
    document_id uuid not null,
    chunk_index integer not null,
    content text not null,
    section_title text,
    heading_path text[] not null default '{}',
    start_offset integer,
    end_offset integer,
    size integer,
    content_hash bytea,
    search_vector tsvector,
    language text,
    words integer,
    title_words integer,
    created_at timestamptz not null default now(),
    constraint document_chunks_pkey primary key (id),
    constraint document_chunks_user_id_document_id_chunk_index_key unique (user_id, document_id, chunk_index),
    constraint document_chunks_document_id_fkey foreign key (user_id, document_id) references carrel.documents (user_id, id) on delete cascade,
    constraint document_chunks_chunk_index_check check (chunk_index >= 0),
    constraint document_chunks_heading_path_check check (array_position(heading_path, null) is null),
    constraint document_chunks_offsets_check check (start_offset >= 0 and end_offset >= start_offset),
    constraint document_chunks_size_check check (size >= 0),
    constraint document_chunks_words_check check (words >= 0 and title_words >= 0)
);

-- Serves: search_chunks() and search_documents() of users with many chunks. Each user's words are
-- keys of their own, so that a search costs what the user's own texts cost, and tells nothing by its
-- time of what is in others'. Behind each word is how much it says about the chunk, so that of many
-- chunks a search looks at the best. What is still pending is everybody's, and read for each key: less of
-- it, in kilobytes, than by default.
create index document_chunks_search_keys_idx on carrel.document_chunks using gin (carrel.chunk_keys(user_id, language, search_vector, words, coalesce(title_words, 0))) with (gin_pending_list_limit = '1024');
