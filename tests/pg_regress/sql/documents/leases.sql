-- Documents whose texts come from elsewhere: claimed under a lease, and given their text, or failed.
\set VERBOSITY sqlstate
\set ON_ERROR_ROLLBACK on
\pset format unaligned
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (id, filename, file_type, file_size, storage_path, metadata, content_text, created_at) values
    ('d0000000-0000-0000-0000-000000000001', 'scan.pdf', 'application/pdf', 5000, 'bucket/scan.pdf', '{"pages": 3}', null, now() - interval '3 days'),
    ('d0000000-0000-0000-0000-000000000002', 'talk.mp3', 'audio/mpeg', 9000, 'bucket/talk.mp3', '{}', null, now() - interval '2 days'),
    ('d0000000-0000-0000-0000-000000000003', 'note.txt', 'text/plain', null, null, '{}', 'A note.', now() - interval '4 days');
select * from carrel.claim_documents('me');

set local role carrel_regress_service;
set local request.jwt.claims = '';
select document_id as scan, lease_token as lease from carrel.claim_documents('reader 1') \gset
select document_id, user_id, filename, file_type, file_size, storage_path, language, metadata, attempts, lease_expires_at > clock_timestamp() as leased from carrel.claim_documents('reader 2', 9, '1 microsecond');
select filename, attempts from carrel.claim_documents('reader 3', 9);
select filename from carrel.claim_documents('reader 4', 9);
reset role;
select filename, processing_status from carrel.documents order by filename;
set local role carrel_regress_service;

-- The text comes, and again.
select * from carrel.set_document_text(:'scan', :'lease', E'# Ledger\n\nDebts of the year 1834.');
select * from carrel.set_document_text(:'scan', :'lease', E'# Ledger\n\nDebts of the year 1834.');
select * from carrel.set_document_text(:'scan', :'lease', 'Another text.');
select carrel.fail_document(:'scan', :'lease', 'unreadable');
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select filename, content from carrel.search_chunks('debts');

-- There is none; then the user has it after all.
reset role;
select document_id as talk, lease_token as lease_talk from carrel.document_leases where lease_owner = 'reader 3' \gset
set local role carrel_regress_service;
select carrel.fail_document(:'talk', :'lease', 'silence');
select carrel.fail_document(:'talk', :'lease_talk', 'silence');
select carrel.fail_document(:'talk', :'lease_talk', 'silence');
select carrel.fail_document(:'talk', :'lease_talk', 'noise');
select * from carrel.set_document_text(:'talk', :'lease_talk', 'Hello.');
select filename from carrel.claim_documents('reader 5', 9);
set local role carrel_regress_user;
select processing_status, processing_error from carrel.documents where filename = 'talk.mp3';
update carrel.documents set content_text = 'Welcome.' where filename = 'talk.mp3' returning processing_status, processing_error;
set local role carrel_regress_service;
select carrel.fail_document(:'talk', :'lease_talk', 'silence');

-- A text that is gone is to be had again; a document that is gone is none.
set local role carrel_regress_user;
update carrel.documents set content_text = null where filename = 'talk.mp3' returning processing_status;
set local role carrel_regress_service;
select lease_token as lease_talk, attempts from carrel.claim_documents('reader 6') \gset
select :attempts as attempts;
set local role carrel_regress_user;
delete from carrel.documents where filename = 'talk.mp3';
set local role carrel_regress_service;
select * from carrel.set_document_text(:'talk', :'lease_talk', 'Hello.');
reset role;
select count(*) from carrel.document_leases;

-- Bad arguments.
set local role carrel_regress_service;
select carrel.claim_documents(null);
select carrel.claim_documents('');
select carrel.claim_documents('r', 0);
select carrel.claim_documents('r', lease => '-1 second');
select carrel.set_document_text(null, :'lease', 'x');
select carrel.set_document_text(:'scan', null, 'x');
select carrel.set_document_text(:'scan', :'lease', null);
select carrel.fail_document(:'scan', :'lease', null);

-- A text beyond what may be stored is refused; the lease stays, and the worker says so.
reset role;
insert into carrel.plan_limits (plan_type, measure, period, limit_value) values ('free', 'bytes', 'stored', 10000)
on conflict (plan_type, event_type, measure, period) do update set limit_value = excluded.limit_value, enforcement = 'hard';
insert into carrel.documents (id, user_id, filename) values ('d0000000-0000-0000-0000-000000000004', '11111111-1111-1111-1111-111111111111', 'large.pdf');
set local role carrel_regress_service;
select document_id as large, lease_token as lease from carrel.claim_documents('r') \gset
select * from carrel.set_document_text(:'large', :'lease', repeat('word ', 4000));
select carrel.fail_document(:'large', :'lease', 'too large for the plan');
reset role;
select filename, processing_status, processing_error from carrel.documents order by filename;

-- A user who writes a text and takes it away again keeps others' documents from nobody: while a worker holds theirs, it
-- is not counted.
insert into carrel.documents (user_id, filename, created_at) values
    ('11111111-1111-1111-1111-111111111111', 'blocks.pdf', '2000-01-01'),
    ('11111111-1111-1111-1111-111111111111', 'waits.pdf', '2000-01-02');
set local role carrel_regress_service;
select filename from carrel.claim_documents('r');
reset role;
update carrel.documents set content_text = 'x' where filename = 'blocks.pdf';
update carrel.documents set content_text = null where filename = 'blocks.pdf' returning processing_status;
set local role carrel_regress_service;
select filename from carrel.claim_documents('r');

-- Nor does one whose metadata many parsers refuse; each digit comes to the worker.
reset role;
insert into carrel.documents (user_id, filename, created_at, metadata) values
    ('11111111-1111-1111-1111-111111111111', 'deep.pdf', '1999-01-01', ('{"n":' || repeat('[', 1000) || repeat(']', 1000) || '}')::jsonb),
    ('11111111-1111-1111-1111-111111111111', 'wide.pdf', '1999-01-02', '{"n": 1e400, "exact": 0.1000000000000000000001}');
set local role carrel_regress_service;
select filename, length(metadata::text) as length, metadata -> 'exact' as exact from carrel.claim_documents('r', 2);
rollback;
