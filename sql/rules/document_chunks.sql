-- Chunks are derived where their document has a text. Where it has none, its user may insert them.
-- A service may rewrite any, for a client's extractor is its business; the next change of the
-- document's text makes them the text's again.
alter table carrel.document_chunks alter column id set default carrel.uuid_v7();
alter table carrel.document_chunks alter column user_id set default carrel.current_user_id();
alter table carrel.document_chunks enable row level security;

-- Statistics are of all users: EXPLAIN would tell by its estimates which texts are frequent.
alter table carrel.document_chunks alter column content set statistics 0;
alter table carrel.document_chunks alter column section_title set statistics 0;
alter table carrel.document_chunks alter column heading_path set statistics 0;
alter table carrel.document_chunks alter column search_vector set statistics 0;
alter table carrel.document_chunks alter column content_hash set statistics 0;
alter index carrel.document_chunks_search_keys_idx alter column 1 set statistics 0;

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

-- Fills user_id, size, content_hash, search_vector, language and words of chunks that a client writes.
create or replace trigger document_chunks_prepare
    before insert or update on carrel.document_chunks
    for each row execute function carrel.prepare_chunk();

-- Keep search_statistics in step.
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

-- Ranking reads vectors: they stay in their rows, uncompressed, as long as they fit a page. Whoever set
-- something else knows why.
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

comment on table carrel.document_chunks is 'The passages that documents are searched by.';
comment on column carrel.document_chunks.id is 'The key of the row (UUIDv7); kept when the document changes elsewhere.';
comment on column carrel.document_chunks.user_id is 'The user whose document it is of; taken from the document where not given.';
comment on column carrel.document_chunks.document_id is 'The document.';
comment on column carrel.document_chunks.chunk_index is 'The place within the document, from 0.';
comment on column carrel.document_chunks.content is 'The text of the chunk.';
comment on column carrel.document_chunks.section_title is 'The innermost heading that the chunk begins under.';
comment on column carrel.document_chunks.heading_path is 'Every heading that the chunk begins under, outermost first.';
comment on column carrel.document_chunks.start_offset is 'Where the chunk begins in content_text, in characters from 0.';
comment on column carrel.document_chunks.end_offset is 'Where the chunk ends in content_text, in characters, exclusive.';
comment on column carrel.document_chunks.size is 'The size of the chunk in the unit it was cut by; characters where a client wrote it.';
comment on column carrel.document_chunks.content_hash is 'SHA-256 of the content: sha256(convert_to(content, ''UTF8'')).';
comment on column carrel.document_chunks.search_vector is 'Section titles (weight B) and content (D).';
comment on column carrel.document_chunks.language is 'The text search configuration that search_vector was parsed with: the document''s at that time.';
comment on column carrel.document_chunks.words is 'The length of search_vector: how many positions its lexemes have.';
comment on column carrel.document_chunks.title_words is 'How many words of content, the first ones, are the title that a text without headings begins with; words that are too common to be found are counted.';
comment on column carrel.document_chunks.created_at is 'When the row was inserted.';
