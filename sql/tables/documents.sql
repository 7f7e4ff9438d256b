-- Documents of users: texts, and the results of processing them.
create table carrel.documents (
    id uuid not null,
    user_id uuid not null,
    filename text not null,
    file_type text,
    file_size bigint,
    processing_status text not null default 'pending',
    processing_error text,
    content_text text,
    search_vector tsvector,
    words bigint,
    storage_path text,
    language text collate "C" not null,
    detects_language boolean not null default false,
    metadata jsonb not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint documents_pkey primary key (id),
    constraint documents_user_id_id_key unique (user_id, id),
    constraint documents_user_id_fkey foreign key (user_id) references carrel.user_profiles (user_id) on delete cascade,
    constraint documents_file_size_check check (file_size >= 0),
    constraint documents_words_check check (words >= 0),
    constraint documents_processing_status_check check (processing_status in ('pending', 'processing', 'completed', 'failed'))
);

-- Serves: search_documents() and search_chunks(): file names. Texts are found by their chunks.
create index documents_filename_keys_idx on carrel.documents using gin (carrel.search_keys(user_id, language, ts_filter(search_vector, '{a}'::"char"[]))) with (fastupdate = off);

-- Serves: lists of the documents of a user, newest first.
create index documents_user_id_created_at_idx on carrel.documents (user_id, created_at);

-- Serves: process_documents(), oldest first.
create index documents_pending_idx on carrel.documents (created_at, id)
    where processing_status = 'pending' and content_text is not null;

-- Serves: claim_documents(), oldest first.
create index documents_without_text_idx on carrel.documents (created_at, id)
    where content_text is null and (processing_status = 'pending' or processing_status = 'processing');

-- Serves: files_to_erase() and delete_user(), which skip files that other documents use. A hash
-- index: paths may be too long for entries of a B-tree.
create index documents_storage_path_idx on carrel.documents using hash (storage_path collate "C") where storage_path is not null;
