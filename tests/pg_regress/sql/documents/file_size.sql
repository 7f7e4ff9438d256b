-- file_size is the size of the text in bytes, unless a client says that of the original file.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (filename, content_text, file_size) values
    ('1 ascii', 'four', default), ('2 bytes, not characters', 'höß🙂', default),
    ('3 said by the client', 'four', 12345), ('4 without text', null, default), ('5 of a file without text', null, 99),
    ('6 large, compressed', repeat('word ', 1000000), default), ('7 empty', '', default)
returning filename, file_size;

-- It follows the text, where it did before.
update carrel.documents set content_text = 'new text' returning filename, file_size;
rollback;
\set VERBOSITY default
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (filename, file_size) values ('negative', -1) returning file_size;
\echo :LAST_ERROR_SQLSTATE
rollback;
