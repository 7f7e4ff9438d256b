-- A document is parsed in its language: the name of a text search configuration.
\set VERBOSITY default
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (filename, content_text, language) values
    ('nb', 'the running houses', 'english'),
    ('nc', 'die laufenden Häuser', 'german'),
    ('nd', 'the running houses', 'simple'),
    ('ne', 'the running houses', default)
returning filename, language, search_vector;

-- Another language is another vector, of the document and of its chunks.
update carrel.documents set language = 'simple' where filename = 'nb' returning search_vector;
select c.search_vector from carrel.document_chunks as c join carrel.documents as d on d.id = document_id where filename = 'nb';

-- A query is read in each language that the user's documents are in.
select filename from carrel.search_documents('Haus') order by filename;
select filename from carrel.search_documents('house') order by filename;
select filename from carrel.search_documents('houses') order by filename;

-- Unknown languages.
insert into carrel.documents (filename, content_text, language) values ('nf', 'text', 'klingon');
\echo :LAST_ERROR_SQLSTATE
insert into carrel.documents (filename, language) values ('nf', 'klingon');
\echo :LAST_ERROR_SQLSTATE
update carrel.documents set language = '' where filename = 'nc';
\echo :LAST_ERROR_SQLSTATE
select carrel.add_document('nf', 'text', language => 'english; drop table x');
\echo :LAST_ERROR_SQLSTATE

-- A configuration of the operator's own goes with its schema, so that no search_path decides.
reset role;
create text search configuration public.carrel_regress_own (copy = pg_catalog.simple);
set local role carrel_regress_user;
insert into carrel.documents (filename, content_text, language) values ('ng', 'the Own', 'public.carrel_regress_own') returning search_vector;
insert into carrel.documents (filename, content_text, language) values ('nh', 'the Own', 'carrel_regress_own');
\echo :LAST_ERROR_SQLSTATE

-- In a schema that the caller cannot use, it is as unknown as one that does not exist.
reset role;
create schema carrel_regress_hidden;
create text search configuration carrel_regress_hidden.own (copy = pg_catalog.simple);
set local role carrel_regress_user;
insert into carrel.documents (filename, content_text, language) values ('ni', 'text', 'carrel_regress_hidden.own');
\echo :LAST_ERROR_SQLSTATE
select carrel.add_document('ni', 'text', language => 'carrel_regress_hidden.own');
\echo :LAST_ERROR_SQLSTATE
update carrel.documents set language = 'carrel_regress_hidden.own' where filename = 'ng';
\echo :LAST_ERROR_SQLSTATE

-- When it is dropped, what is there stays, and search goes on without it.
reset role;
drop text search configuration public.carrel_regress_own;
set local role carrel_regress_user;
select filename from carrel.search_documents('own houses') order by filename;
rollback;
