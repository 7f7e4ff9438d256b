-- A user reads, writes and deletes their own documents. What processing writes is not theirs to
-- write: the trigger sets it wherever there is a text, and the policy demands the defaults where
-- there is none.
alter table carrel.documents alter column id set default carrel.uuid_v7();
alter table carrel.documents alter column user_id set default carrel.current_user_id();
alter table carrel.documents enable row level security;

-- Statistics are of all users: EXPLAIN would tell by its estimates which texts are frequent.
alter table carrel.documents alter column filename set statistics 0;
alter table carrel.documents alter column file_type set statistics 0;
alter table carrel.documents alter column processing_error set statistics 0;
alter table carrel.documents alter column content_text set statistics 0;
alter table carrel.documents alter column storage_path set statistics 0;
alter table carrel.documents alter column search_vector set statistics 0;
alter table carrel.documents alter column metadata set statistics 0;
alter index carrel.documents_filename_keys_idx alter column 1 set statistics 0;

create or replace trigger documents_check_privileges
    before insert or delete or update or truncate on carrel.documents
    for each statement execute function carrel.check_privileges();

drop policy if exists documents_select_own on carrel.documents;
create policy documents_select_own on carrel.documents
    for select using (user_id = carrel.current_user_id());

drop policy if exists documents_insert_own on carrel.documents;
create policy documents_insert_own on carrel.documents
    for insert with check (
        user_id = carrel.current_user_id()
        and (content_text is not null or (processing_status = 'pending' and processing_error is null))
    );

drop policy if exists documents_update_own on carrel.documents;
create policy documents_update_own on carrel.documents
    for update using (user_id = carrel.current_user_id())
    with check (user_id = carrel.current_user_id());

drop policy if exists documents_delete_own on carrel.documents;
create policy documents_delete_own on carrel.documents
    for delete using (user_id = carrel.current_user_id());

-- Parses the text once, and sets the row's status and vector.
create or replace trigger documents_process
    before insert or update on carrel.documents
    for each row execute function carrel.process_document_row();

create or replace trigger documents_touch_updated_at
    before update on carrel.documents
    for each row execute function carrel.touch_updated_at();

-- Writes the chunks that documents_process made, once the row is there for them to refer to.
create or replace trigger documents_write_chunks
    after insert or update on carrel.documents
    for each row execute function carrel.write_document_chunks();

-- Draw what is stored from what is left of hard limits.
create or replace trigger documents_count_added
    after insert on carrel.documents
    referencing new table as added
    for each statement execute function carrel.count_documents();

create or replace trigger documents_count_changed
    after update on carrel.documents
    referencing old table as removed new table as added
    for each statement execute function carrel.count_documents();

create or replace trigger documents_count_removed
    after delete on carrel.documents
    referencing old table as removed
    for each statement execute function carrel.count_documents();

create or replace trigger documents_count_truncated
    after truncate on carrel.documents
    for each statement execute function carrel.count_documents();

comment on table carrel.documents is 'The texts that users put in, with what processing made of them.';
comment on column carrel.documents.id is 'The key of the row (UUIDv7).';
comment on column carrel.documents.user_id is 'The user whose document it is.';
comment on column carrel.documents.filename is 'The name of the file; found by search, above the text.';
comment on column carrel.documents.file_type is 'The MIME type; decides, else the file name''s extension, how the text is chunked.';
comment on column carrel.documents.file_size is 'Bytes; those of content_text where not given.';
comment on column carrel.documents.processing_status is 'pending, processing, completed or failed.';
comment on column carrel.documents.processing_error is 'Why processing failed.';
comment on column carrel.documents.content_text is 'The text; null while it is still to come.';
comment on column carrel.documents.search_vector is 'The file name (weight A), section titles (B) and text (D), put together from the chunks.';
comment on column carrel.documents.words is 'The length of the text: the words of its chunks; null where it is not processed.';
comment on column carrel.documents.storage_path is 'Where the original file is kept, outside of the database.';
comment on column carrel.documents.language is 'The text search configuration that the text is parsed with.';
comment on column carrel.documents.metadata is 'Whatever the application wants to keep with the document.';
comment on column carrel.documents.created_at is 'When the row was inserted.';
comment on column carrel.documents.updated_at is 'When the row was last updated.';
