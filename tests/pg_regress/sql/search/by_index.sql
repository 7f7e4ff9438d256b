-- A search reads postings: it finds what reading all chunks would.
begin;
create function pg_temp.check(query text, expected tsquery) returns table (query text, as_expected boolean, found bigint) language sql as $$
    select $1, count(*) filter (where r.chunk_id is null or c.id is null) = 0, count(*)
    from carrel.search_chunks($1, 100000) as r
    full join (
        select id from carrel.document_chunks where user_id = carrel.current_user_id() and search_vector @@ $2
    ) as c on c.id = r.chunk_id
$$;
select carrel.act_as('22222222-2222-2222-2222-222222222222');
insert into carrel.documents (filename, content_text) values ('Bob''s', 'common wordbh wordbhb rare');
select carrel.act_as('11111111-1111-1111-1111-111111111111');
set local carrel.chunk_size = 60;
insert into carrel.documents (filename, content_text)
select 'Doc ' || d, string_agg('Common word' || translate((n % 97)::text, '0123456789', 'abcdefghij') || ' stands here beside word' || translate(((n * d) % 1009)::text, '0123456789', 'abcdefghij') || case when n % 500 = 7 then ' and a rare one.' else ' as ever, so.' end, E'\n\n')
from generate_series(1, 4) as d, generate_series(1, 1000) as n group by d;
select count(*) > 3000 as many from carrel.document_chunks where user_id = carrel.current_user_id();
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select (pg_temp.check(query, expected)).* from (values
    ('rare', 'rare'::tsquery), ('wordbh', 'wordbh'), ('common', 'common'), ('wordbh wordbi rare', 'wordbh | wordbi | rare'),
    ('wordbh*', 'wordbh:*'), ('"wordh stands"', 'wordh <-> stand'), ('rare -wordbh', 'rare & !wordbh'), ('unicorn', 'unicorn')
) as given (query, expected);

-- Its scores are the same: by the statistics of all chunks. (The first chunk of a document has a title.)
select count(*) as found, count(*) filter (where abs(r.score - e.score) > 1e-5) as wrong
from carrel.search_chunks('rare', 1000) as r
join (
    select id as chunk_id, ln(1 + (count(*) over () - count(tf) over () + 0.5) / (count(tf) over () + 0.5)) * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * words / avg(words) over ())) as score
    from (
        select id, words, (select cardinality(positions) from unnest(search_vector) where lexeme = 'rare') as tf
        from carrel.document_chunks where user_id = carrel.current_user_id()
    ) as texts
) as e using (chunk_id);
select filename, matched_chunks from carrel.search_documents('wordh rare') order by filename;

-- What must not be there may be in another chunk, which has none of the words.
insert into carrel.documents (filename, content_text)
values ('Doc 5', 'A rare thing is here.' || repeat(E'\n\nNothing at all stands here, as it did yesterday.', 3) || E'\n\nTin stands here, and tin alone.');
select filename from carrel.search_documents('rare -tin') order by filename;
select filename from carrel.search_documents('"rare thing" -tin');
select filename from carrel.search_documents('"rare thing" -lead');
reset role;

-- Keys of a vector: the user's own in a language, without positions.
select carrel.search_keys('11111111-1111-1111-1111-111111111111', 'simple', 'b:2A a:1') = carrel.search_keys('11111111-1111-1111-1111-111111111111', 'simple', 'a b') as by_lexemes,
    carrel.search_keys('11111111-1111-1111-1111-111111111111', 'simple', 'a') <> carrel.search_keys('22222222-2222-2222-2222-222222222222', 'simple', 'a') as by_user,
    carrel.search_keys('11111111-1111-1111-1111-111111111111', 'simple', 'a') <> carrel.search_keys('11111111-1111-1111-1111-111111111111', 'english', 'a') as by_language,
    regexp_replace(carrel.search_keys('11111111-1111-1111-1111-111111111111', 'simple', 'a b')::text, '''.{11}', '''', 'g') as keys,
    carrel.search_keys('11111111-1111-1111-1111-111111111111', 'simple', '') as none,
    carrel.search_keys(null, 'simple', 'a') is null as strict;
-- Words that are as long as can be, and as many as a vector holds.
set local carrel.chunk_size = 2000000;
insert into carrel.documents (id, filename, content_text)
select 'd0000000-0000-0000-0000-000000000001', 'Crowded', string_agg(substr(md5(n::text), 1, 5), ' ') from generate_series(1, 85000) as n;
select processing_status, processing_error from carrel.documents where filename = 'Crowded';
select filename, matched from carrel.search_chunks((select substr(md5('84999'), 1, 5) || ' ' || substr(md5('1'), 1, 5)));
rollback;
