-- Users read, write and delete their own documents. They cannot write results of processing: a
-- trigger sets these columns for documents with a text, and the policy requires the defaults for
-- others.
alter table carrel.documents alter column id set default carrel.uuid_v7();
alter table carrel.documents alter column user_id set default carrel.current_user_id();
alter table carrel.documents alter column language set default carrel.default_language();
alter table carrel.documents enable row level security;

-- No planner statistics: they cover all users, and estimates of EXPLAIN would reveal frequent
-- values.
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

-- Parses the text, and sets status and search vector of the row.
create or replace trigger documents_process
    before insert or update on carrel.documents
    for each row execute function carrel.process_document_row();

create or replace trigger documents_touch_updated_at
    before update on carrel.documents
    for each row execute function carrel.touch_updated_at();

-- Writes the chunks that documents_process has prepared. They refer to the row, so it has to exist.
create or replace trigger documents_write_chunks
    after insert or update on carrel.documents
    for each row execute function carrel.write_document_chunks();

-- These triggers charge stored documents and bytes against hard limits.
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

-- These triggers keep the words of file names in search_statistics up to date.
create or replace trigger documents_count_names_added
    after insert on carrel.documents
    referencing new table as added
    for each statement execute function carrel.count_names();

create or replace trigger documents_count_names_changed
    after update on carrel.documents
    referencing old table as removed new table as added
    for each statement execute function carrel.count_names();

create or replace trigger documents_count_names_removed
    after delete on carrel.documents
    referencing old table as removed
    for each statement execute function carrel.count_names();

-- Texts are compressed by lz4, which takes a tenth of the time of Postgres' default, where the server has it. A
-- method that an operator has set is kept.
do $$
begin
    if exists (
        select from pg_attribute
        where attrelid = 'carrel.documents'::regclass
            and attname in ('content_text', 'search_vector') and attcompression = ''
    ) then
        alter table carrel.documents alter column content_text set compression lz4;
        alter table carrel.documents alter column search_vector set compression lz4;
    end if;
exception
    when feature_not_supported then null;
end
$$;

comment on table carrel.documents is 'Documents of users: texts, and the results of processing them.';
comment on column carrel.documents.id is 'Primary key (UUIDv7).';
comment on column carrel.documents.user_id is 'Owner of the document.';
comment on column carrel.documents.filename is 'Name of the file. Search finds it, and ranks it above the text.';
comment on column carrel.documents.file_type is 'MIME type. It decides the chunking format; if null, the extension of filename does.';
comment on column carrel.documents.file_size is 'Size in bytes; that of content_text if not given.';
comment on column carrel.documents.processing_status is 'pending, processing, completed or failed.';
comment on column carrel.documents.processing_error is 'Reason of the failure.';
comment on column carrel.documents.content_text is 'Text of the document; null until it is known.';
comment on column carrel.documents.search_vector is 'File name (weight A), headings (B) and text (D), as tsvector, assembled from the chunks.';
comment on column carrel.documents.words is 'Number of words in all chunks; null if the text is not processed.';
comment on column carrel.documents.storage_path is 'Location of the original file, outside of the database.';
comment on column carrel.documents.language is 'Text search configuration that parses the text. Null and auto detect it; by default it is that of carrel.language.';
comment on column carrel.documents.detects_language is 'True if the language is detected again whenever the text changes.';
comment on column carrel.documents.metadata is 'Data of the application.';
comment on column carrel.documents.created_at is 'Time of the insert.';
comment on column carrel.documents.updated_at is 'Time of the last update.';
