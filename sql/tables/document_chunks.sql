-- Chunks of documents: the passages that search returns.
--
-- The unique key is not deferrable: ON CONFLICT cannot use a deferrable one. There is no foreign
-- key to user_profiles: it would be checked for every chunk, and the key to documents implies it.
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
    analyzer_version integer,
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

-- Serves: process_documents(), which renews the vectors of older versions of the analyzer. Empty in
-- general: it has only these.
create index document_chunks_outdated_idx on carrel.document_chunks (document_id)
    where analyzer_version is distinct from 1 and search_vector is not null;
