-- The order of results, where it is clear which is better.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';

-- A name counts more than a title, a title more than the text.
insert into carrel.documents (id, filename, file_type, content_text) values
    ('d0000000-0000-0000-0000-000000000001', 'One', 'text/markdown', E'# Elsewhere\n\nThe lantern is lit every night.\n'),
    ('d0000000-0000-0000-0000-000000000002', 'Two', 'text/markdown', E'# Lantern\n\nThe lamp is lit every night.\n'),
    ('d0000000-0000-0000-0000-000000000003', 'Lantern', 'text/markdown', E'# Elsewhere\n\nThe lamp is lit every night.\n');
select filename from carrel.search_documents('lantern');
select filename from carrel.search_chunks('lantern');

-- More of the words are better than fewer, whatever the length.
delete from carrel.documents;
insert into carrel.documents (id, filename, content_text) values
    ('d0000000-0000-0000-0000-000000000001', 'One', 'The copper kettle.'),
    ('d0000000-0000-0000-0000-000000000002', 'Two', 'The copper kettle whistles.'),
    ('d0000000-0000-0000-0000-000000000003', 'Three', 'Copper is a metal.');
select filename, matched from carrel.search_chunks('copper kettle whistles');

-- What says it in fewer words is better than what says it once among many.
delete from carrel.documents;
insert into carrel.documents (id, filename, content_text) values
    ('d0000000-0000-0000-0000-000000000001', 'Long', repeat('Some other sentence entirely. ', 40) || 'Saffron.'),
    ('d0000000-0000-0000-0000-000000000002', 'Short', 'Saffron is dear.');
select filename from carrel.search_chunks('saffron');

-- Equals come in the order of their ids, always.
delete from carrel.documents;
insert into carrel.documents (id, filename, content_text)
select ('d0000000-0000-0000-0000-00000000000' || n)::uuid, 'No ' || n, 'the same text' from unnest('{3,1,2}'::int[]) as n;
select filename from carrel.search_chunks('same text');
select filename from carrel.search_documents('same text');
rollback;
