-- Privileges that grant_user(role) grants beside user_and_service.sql: an application's end users.
grant update (name) on table carrel.user_profiles to :role;
grant select, insert, delete on table carrel.documents to :role;
grant update (filename, file_type, content_text, storage_path, language, metadata) on table carrel.documents to :role;
grant select, insert on table carrel.document_chunks to :role;
grant select, insert, delete on table carrel.agent_sessions to :role;
grant update (title, context_state) on table carrel.agent_sessions to :role;
grant select, insert, delete on table carrel.agent_requests to :role;
