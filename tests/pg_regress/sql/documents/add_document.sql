-- add_document() adds a document of the caller's and returns its id.
\set VERBOSITY default
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select carrel.add_document('plain', 'Some text.') is not null as has_id;
select carrel.add_document('all', E'# Titel\n\nEin Text.', 'text/markdown', '{"tag": "x"}', 'bucket/all', 'german') is not null as has_id;
select carrel.add_document('named', storage_path => 'bucket/named', content_text => null) is not null as has_id;
select carrel.add_document('nulls', 'Some text.', null, null, null, null) is not null as has_id;
select user_id, filename, file_type, processing_status, content_text, metadata, storage_path, language, search_vector
from carrel.documents order by filename;

-- Errors.
select carrel.add_document(null, 'text');
\echo :LAST_ERROR_SQLSTATE
select carrel.add_document('x', 'text', metadata => 'no json');
\echo :LAST_ERROR_SQLSTATE
set local request.jwt.claims = '';
select carrel.add_document('x', 'text');
\echo :LAST_ERROR_SQLSTATE

-- The service adds as the user it acts for, and not as itself.
set local role carrel_regress_service;
select carrel.add_document('x', 'text');
select carrel.act_as('22222222-2222-2222-2222-222222222222');
select carrel.add_document('for Bob', 'text') is not null as has_id;
select user_id, filename from carrel.documents;
rollback;
