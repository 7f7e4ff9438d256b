-- Chunks of a document with a text are derived from the text. Users may insert chunks only for
-- documents without a text. Services may write any chunk, for extractors of their own; the next
-- change of the document's text replaces them.
alter table carrel.document_chunks alter column id set default carrel.uuid_v7();
alter table carrel.document_chunks alter column user_id set default carrel.current_user_id();
alter table carrel.document_chunks enable row level security;

-- No planner statistics: they cover all users, and estimates of EXPLAIN would reveal frequent
-- values.
alter table carrel.document_chunks alter column content set statistics 0;
alter table carrel.document_chunks alter column section_title set statistics 0;
alter table carrel.document_chunks alter column heading_path set statistics 0;
alter table carrel.document_chunks alter column search_vector set statistics 0;
alter table carrel.document_chunks alter column content_hash set statistics 0;

create or replace trigger document_chunks_check_privileges
    before insert or delete or update or truncate on carrel.document_chunks
    for each statement execute function carrel.check_privileges();

drop policy if exists document_chunks_select_own on carrel.document_chunks;
create policy document_chunks_select_own on carrel.document_chunks
    for select using (user_id = carrel.current_user_id());

drop policy if exists document_chunks_insert_own on carrel.document_chunks;
create policy document_chunks_insert_own on carrel.document_chunks
    for insert with check (user_id = carrel.current_user_id());

drop policy if exists document_chunks_insert_underived on carrel.document_chunks;
create policy document_chunks_insert_underived on carrel.document_chunks
    as restrictive for insert with check (
        exists (
            select from carrel.documents
            where documents.user_id = document_chunks.user_id
                and documents.id = document_chunks.document_id
                and documents.content_text is null
        )
    );

drop policy if exists document_chunks_update_own on carrel.document_chunks;
create policy document_chunks_update_own on carrel.document_chunks
    for update using (user_id = carrel.current_user_id())
    with check (user_id = carrel.current_user_id());

drop policy if exists document_chunks_delete_own on carrel.document_chunks;
create policy document_chunks_delete_own on carrel.document_chunks
    for delete using (user_id = carrel.current_user_id());

-- Completes chunks that a client writes.
create or replace trigger document_chunks_prepare
    before insert or update on carrel.document_chunks
    for each row execute function carrel.prepare_chunk();

-- These triggers keep search_statistics up to date.
create or replace trigger document_chunks_count_inserted
    after insert on carrel.document_chunks
    referencing new table as added
    for each statement execute function carrel.count_chunks();

create or replace trigger document_chunks_count_updated
    after update on carrel.document_chunks
    referencing old table as removed new table as added
    for each statement execute function carrel.count_chunks();

create or replace trigger document_chunks_count_deleted
    after delete on carrel.document_chunks
    referencing old table as removed
    for each statement execute function carrel.count_chunks();

create or replace trigger document_chunks_count_truncated
    after truncate on carrel.document_chunks
    for each statement execute function carrel.count_chunks();

-- A chunk stays in its row, uncompressed, as long as the row fits a page: compressing would take longer than
-- writing it. A value that an operator has set is kept.
do $$
begin
    if not exists (
        select from pg_class, pg_options_to_table(reloptions)
        where oid = 'carrel.document_chunks'::regclass and option_name = 'toast_tuple_target'
    ) then
        alter table carrel.document_chunks set (toast_tuple_target = 8160);
    end if;
end
$$;

comment on table carrel.document_chunks is 'Chunks of documents: the passages that search returns.';
comment on column carrel.document_chunks.id is 'Primary key (UUIDv7). Stays while the content and headings of the chunk stay.';
comment on column carrel.document_chunks.user_id is 'Owner of the document. Taken from the document if not given.';
comment on column carrel.document_chunks.document_id is 'Document of the chunk.';
comment on column carrel.document_chunks.chunk_index is 'Position in the document, from 0.';
comment on column carrel.document_chunks.content is 'Text of the chunk.';
comment on column carrel.document_chunks.section_title is 'Innermost heading above the chunk.';
comment on column carrel.document_chunks.heading_path is 'All headings above the chunk, outermost first.';
comment on column carrel.document_chunks.start_offset is 'Start in content_text, in characters from 0.';
comment on column carrel.document_chunks.end_offset is 'End in content_text, in characters (exclusive).';
comment on column carrel.document_chunks.size is 'Size in the unit that the document was cut by; in characters if a client wrote the chunk.';
comment on column carrel.document_chunks.content_hash is 'SHA-256 of the content: sha256(convert_to(content, ''UTF8'')).';
comment on column carrel.document_chunks.search_vector is 'Headings (weight B) and content (D), as tsvector.';
comment on column carrel.document_chunks.language is 'Text search configuration that search_vector was parsed with: the language of the document at that time.';
comment on column carrel.document_chunks.words is 'Length of search_vector: the number of positions that have a lexeme.';
comment on column carrel.document_chunks.title_words is 'Number of leading words of content that are the title of a text without headings. Stop words are counted.';
comment on column carrel.document_chunks.analyzer_version is 'Version of the analyzer that made search_vector. process_documents() renews vectors of older ones.';
comment on column carrel.document_chunks.created_at is 'Time of the insert.';
