-- Beginnings of words are compared with words as written: in queries, and by suggest().
begin;
create function pg_temp.found(query text) returns text language sql as $$
    select coalesce(string_agg(filename, ', ' order by filename), '-') || '|' || (select coalesce(string_agg(filename, ', ' order by filename), '-') from carrel.search_documents(query))
    from carrel.search_chunks(query)
$$;
select carrel.act_as('22222222-2222-2222-2222-222222222222');
insert into carrel.documents (filename, content_text) values ('Bob', 'organizer unicorn');
select carrel.act_as('11111111-1111-1111-1111-111111111111');
insert into carrel.documents (filename, content_text) values
    ('Organization', 'Many organizations, universities, happiness and running.'),
    ('Organ', 'The organ of the universe. Happy runs.'),
    ('Code', 'call getUser(a,b,c) of PO-0012 in version 16.2, Zürich'),
    ('heading.md', E'# Installation\n\nText below.');
select query, pg_temp.found(query) from unnest(array[
    'organi*', 'organiza*', 'organ*', 'universi*', 'universit*', 'happin*', 'happi*', 'happy*', 'runni*', 'run*',
    'getUser*', 'getus*', 'po-00*', '00*', '16*', 'zur*', 'zür*', 'ZUR*', 'install*', 'installati*', 'unicor*', 'x*', 'the*', '*', 'org -organi*', 'organ* -organi*', '(organi*', 'organi**']) as query;
select filename, snippet from carrel.search_chunks('organi* getUser*') order by filename;

select * from carrel.suggest('o');
select * from carrel.suggest('many ORG');
select * from carrel.suggest('un', 1);
select * from carrel.suggest('zür');
select * from carrel.suggest('the');
select count(*) from unnest(array['', ' ', null, '%', repeat('a', 100000)]) as prefix, carrel.suggest(prefix);
select count(*) from carrel.suggest('o', 0);
savepoint wrong;
select carrel.suggest('o', -1);
rollback to wrong;

-- A beginning with very many words.
insert into carrel.documents (filename, content_text) select 'Many', string_agg('w' || md5(n::text), ' ') from generate_series(1, 3000) as n;
select count(*) > 1 as found from carrel.search_chunks('w*', 100);
select count(*) from carrel.suggest('w', 5000);
rollback;
