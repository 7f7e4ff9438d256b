-- Values that mean nothing are refused with 22023, by function and by plain SQL, and the message says what is known.
\pset format unaligned
\pset tuples_only on
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (id, filename) values ('d0000000-0000-0000-0000-000000000001', 'empty.txt');
insert into carrel.agent_sessions (id) values ('50000000-0000-0000-0000-000000000001');
select coalesce(nullif(outcome(statement), '1 row'), 'ACCEPTED: ' || statement) from (values
    ($$insert into carrel.documents (filename) values ('')$$),
    ($$insert into carrel.documents (filename) values (E' \t\n')$$),
    ($$insert into carrel.documents (filename, storage_path) values ('a', '')$$),
    ($$insert into carrel.documents (filename, metadata) values ('a', '[1]')$$),
    ($$insert into carrel.documents (filename, metadata) values ('a', '"x"')$$),
    ($$insert into carrel.documents (filename, metadata) values ('a', '1')$$),
    ($$insert into carrel.documents (filename, metadata) values ('a', 'true')$$),
    ($$insert into carrel.documents (filename, metadata) values ('a', 'null')$$),
    ($$insert into carrel.documents (filename, processing_status) values ('a', 'done')$$),
    ($$insert into carrel.documents (filename, file_size) values ('a', -1)$$),
    ($$insert into carrel.documents (filename, content_text) values ('a.pdf', E'%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj')$$),
    ($$insert into carrel.documents (filename, content_text) values ('a.docx', E'PK\x03\x04\x14word/document.xml')$$),
    ($$insert into carrel.documents (filename, content_text) values ('a.bin', convert_from('\x0102030461626364', 'UTF8'))$$),
    ($$update carrel.documents set filename = ''$$),
    ($$update carrel.documents set metadata = '[]'$$),
    ($$update carrel.documents set content_text = E'%PDF-1.4\n1 0 obj'$$),
    ($$select carrel.add_document('', 'heron')$$),
    ($$select carrel.add_document('a', 'heron', metadata => '[1]')$$),
    ($$select carrel.add_document('a', E'%PDF-1.4\n1 0 obj')$$),
    ($$insert into carrel.document_chunks (document_id, chunk_index, content) values ('d0000000-0000-0000-0000-000000000001', 0, ' ')$$),
    ($$insert into carrel.document_chunks (document_id, chunk_index, content) values ('d0000000-0000-0000-0000-000000000001', -1, 'a')$$),
    ($$insert into carrel.document_chunks (document_id, chunk_index, content, start_offset, end_offset) values ('d0000000-0000-0000-0000-000000000001', 0, 'a', 5, 4)$$),
    ($$insert into carrel.agent_requests (agent_type, content) values ('chat', '')$$),
    ($$insert into carrel.agent_requests (agent_type, content) values (' ', 'heron?')$$),
    ($$insert into carrel.agent_requests (agent_type, content, idempotency_key) values ('chat', 'heron?', '')$$),
    ($$insert into carrel.agent_requests (agent_type, content, max_attempts) values ('chat', 'heron?', 0)$$),
    ($$insert into carrel.agent_requests (agent_type, content, reserve_tokens) values ('chat', 'heron?', -1)$$),
    ($$insert into carrel.agent_requests (agent_type, content, status) values ('chat', 'heron?', 'done')$$),
    ($$select carrel.create_request('chat', '')$$),
    ($$select carrel.create_request('', 'heron?')$$),
    ($$insert into carrel.agent_sessions (title) values ('')$$),
    ($$insert into carrel.agent_sessions (context_state) values ('[]')$$),
    ($$insert into carrel.agent_sessions (title) values (repeat('t', 4097))$$),
    ($$update carrel.agent_sessions set context_state = '3'$$),
    ($$select carrel.create_session('')$$),
    ($$select carrel.create_session(context_state => '[]')$$),
    ($$select version from carrel.patch_session_state('50000000-0000-0000-0000-000000000001', '[]')$$),
    ($$update carrel.user_profiles set name = ''$$),
    ($$update carrel.user_profiles set name = repeat('n', 1001)$$)
) as tried (statement);

-- Not as text in words that are no binary, nor values left out.
select outcome(statement) from (values
    ($$insert into carrel.documents (filename, file_type, metadata, content_text) values ('a.md', '', '{}', E'%PDF-1.7 begins a PDF file.\f')$$),
    ($$update carrel.user_profiles set name = null$$),
    ($$insert into carrel.agent_sessions (title) values (null)$$)
) as tried (statement);

-- What services and operators write.
set local role carrel_regress_service;
select outcome(statement) from (values
    ($$select event_id from carrel.record_usage('chat', metadata => '[1]')$$),
    ($$select event_id from carrel.record_usage_batch('[{"event_type": "chat", "metadata": 1}]')$$),
    ($$select carrel.create_user(name => '')$$),
    ($$select carrel.create_user(plan_type => 'gold')$$)
) as tried (statement);
reset role;
select outcome(statement) from (values
    ($$insert into carrel.usage_events (event_type, metadata) values ('chat', '[1]')$$),
    ($$insert into carrel.user_profiles (user_id, plan_type) values ('33333333-3333-3333-3333-333333333333', 'gold')$$),
    ($$update carrel.user_profiles set subscription_status = 'paused'$$),
    ($$insert into carrel.plan_limits (plan_type, measure, limit_value) values ('free', 'pages', 1)$$),
    ($$insert into carrel.plan_limits (plan_type, measure, limit_value, enforcement) values ('free', 'tokens', 1, 'firm')$$),
    ($$insert into carrel.plan_limits (plan_type, measure, period, limit_value) values ('free', 'tokens', 'fortnight', 1)$$),
    ($$insert into carrel.plan_limits (plan_type, measure, limit_value) values ('free', 'tokens', -1)$$),
    ($$insert into carrel.plan_limits (plan_type, measure, limit_value) values ('free', 'tokens', 'NaN')$$),
    ($$insert into carrel.plan_limits (plan_type, event_type, measure, limit_value) values ('free', '', 'tokens', 1)$$),
    ($$insert into carrel.plan_limits (plan_type, measure, limit_value) values ('gold', 'tokens', 1)$$),
    ($$insert into carrel.model_prices (model, token_type, price) values ('m', 'image', 1)$$),
    ($$insert into carrel.model_prices (model, token_type, price) values ('', 'input', 1)$$),
    ($$insert into carrel.model_prices (model, token_type, price) values ('m', 'input', -1)$$),
    ($$insert into carrel.model_prices (model, token_type, price) values ('m', 'input', 1)$$),
    ($$select carrel.grant_user('public')$$),
    ($$select carrel.grant_service('public')$$),
    ($$select carrel.revoke_user('public')$$),
    ($$select carrel.grant_user('nobody_here')$$),
    ($$update carrel.model_prices set token_type = 'image'$$)
) as tried (statement);

-- A plan that the same statement makes counts, and one that is renamed.
with plan as (insert into carrel.plans values ('gold') returning plan_type)
insert into carrel.plan_limits (plan_type, measure, limit_value) select plan_type, 'tokens', 1 from plan returning plan_type;
update carrel.plans set plan_type = 'golden' where plan_type = 'gold';
select plan_type, limit_value from carrel.plan_limits where plan_type = 'golden';

-- What a restore brings is taken as it was.
set local row_security = off;
insert into carrel.documents (user_id, filename, metadata) values ('11111111-1111-1111-1111-111111111111', '', '[1]');
set local row_security = on;
update carrel.documents set file_type = 'text/plain' where filename = '' returning metadata;
rollback;
