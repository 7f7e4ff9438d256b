-- What grant_service(role) grants: an application's trusted workers and billing jobs. They write as
-- the user they act for; what crosses users is a function.
grant usage on schema carrel to :role;
grant execute on function carrel.act_as to :role;
grant execute on function carrel.add_document to :role;
grant execute on function carrel.build_context to :role;
grant execute on function carrel.chunk_text to :role;
grant execute on function carrel.count_tokens to :role;
grant execute on function carrel.rechunk_document to :role;
grant execute on function carrel.create_request to :role;
grant execute on function carrel.create_user to :role;
grant execute on function carrel.current_user_id to :role;
grant execute on function carrel.delete_user to :role;
grant execute on function carrel.export_user to :role;
grant execute on function carrel.process_documents to :role;
grant execute on function carrel.record_usage to :role;
grant execute on function carrel.search_chunks to :role;
grant execute on function carrel.search_documents to :role;
grant execute on function carrel.search_keys to :role;
grant execute on function carrel.uuid_v7 to :role;
grant execute on function carrel.verify_usage to :role;
grant execute on function carrel.version to :role;
grant select on table carrel.user_profiles to :role;
grant select, insert, update, delete on table carrel.documents to :role;
grant select, insert, update, delete on table carrel.document_chunks to :role;
grant select, insert, update, delete on table carrel.agent_sessions to :role;
grant select, insert on table carrel.agent_requests to :role;
grant select on table carrel.usage_events to :role;
