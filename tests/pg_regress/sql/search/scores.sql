-- Scores are those of BM25 over the user's own chunks of a language: nobody else's text changes them, no
-- filter does, and its constants are settings.
begin;
create function pg_temp.bm25(who uuid, word text, k1 float8 default 1.2, b float8 default 0.75)
returns table (chunk_id uuid, score float8) language sql as $$
    with texts as (
        select c.id, words, (select cardinality(positions) from unnest(search_vector) where lexeme = word) as tf
        from carrel.document_chunks as c where user_id = who and language = 'english'
    )
    select id, ln(1 + (count(*) over () - count(tf) over () + 0.5) / (count(tf) over () + 0.5))
        * tf * (k1 + 1) / (tf + k1 * (1 - b + b * words / avg(words) over ()))
    from texts
$$;
select carrel.act_as('22222222-2222-2222-2222-222222222222');
insert into carrel.documents (filename, content_text) select 'Bob ' || n, 'The whale swims. The whale dives.' from generate_series(1, 5) as n;
select carrel.act_as('11111111-1111-1111-1111-111111111111');
-- Each begins with a line that is no title of what is looked for.
insert into carrel.documents (filename, content_text) select 'Ada ' || n, E'Chapter\n\n' || repeat('The whale swims. ', n % 4) || repeat('Nothing happens here. ', n) from generate_series(1, 12) as n;
insert into carrel.documents (filename, language, content_text) values ('French', 'french', 'baleine baleine');
create temp table before as select chunk_id, score from carrel.search_chunks('whales', 100);

select count(*) as found, count(*) filter (where abs(r.score - e.score) > 1e-5) as wrong
from before as r join pg_temp.bm25('11111111-1111-1111-1111-111111111111', 'whale') as e using (chunk_id);
select count(*) as expected from pg_temp.bm25('11111111-1111-1111-1111-111111111111', 'whale') where score > 0;

-- Filters.
select count(*) as found, count(*) filter (where b.score <> r.score) as changed
from carrel.search_chunks('whales', 100, created_after => '2020-01-01', document_ids => (select array_agg(id) from carrel.documents where filename ~ '[12]$')) as r join before as b using (chunk_id);

-- Another user's texts.
select carrel.act_as('22222222-2222-2222-2222-222222222222');
insert into carrel.documents (filename, content_text) select 'whale ' || n, repeat('whale ', n) from generate_series(1, 20) as n;
select carrel.act_as('11111111-1111-1111-1111-111111111111');
select count(*) as found, count(*) filter (where b.score is distinct from r.score) as changed from carrel.search_chunks('whales', 100) as r full join before as b using (chunk_id);

-- The user's own do, and so do the constants.
set local carrel.bm25_k1 = 2;
set local carrel.bm25_b = 0;
select count(*) as found, count(*) filter (where abs(r.score - e.score) > 1e-5) as wrong
from carrel.search_chunks('whales', 100) as r join pg_temp.bm25('11111111-1111-1111-1111-111111111111', 'whale', 2, 0) as e using (chunk_id);
reset carrel.bm25_k1;
reset carrel.bm25_b;
insert into carrel.documents (filename, content_text) values ('Ada 13', E'Chapter\n\nNo animal at all.');
select count(*) as found, count(*) filter (where b.score = r.score) as unchanged from carrel.search_chunks('whales', 100) as r join before as b using (chunk_id);
select count(*) filter (where abs(r.score - e.score) > 1e-5) as wrong
from carrel.search_chunks('whales', 100) as r join pg_temp.bm25('11111111-1111-1111-1111-111111111111', 'whale') as e using (chunk_id);

-- A title counts once, three times as much as the text that it stands in; a file name, four times. With
-- constants that leave nothing but the frequency.
delete from carrel.documents where user_id = carrel.current_user_id();
insert into carrel.documents (filename, file_type, content_text) values
    ('a', 'text/markdown', E'# Squid\n\nIt swims.'), ('b', 'text/markdown', E'# Squid\n\n## Squid\n\nIt swims.'), ('squid', null, E'It swims.\n\nSquid.'),
    ('d', null, E'Squid\n\nIt swims.'), ('e', null, E'It swims.\n\nSquid.'), ('f', 'text/markdown', E'# Squid\n\nSquid swims, a squid.');
set local carrel.bm25_b = 0;
set local carrel.bm25_k1 = 1000;
select filename, round((score / min(score) over ())::numeric, 1) as weight from carrel.search_chunks('squid') order by filename;
rollback;
\set ON_ERROR_ROLLBACK on
begin;
set local carrel.bm25_b = 1.5;
set local carrel.bm25_k1 = -1;
set local carrel.bm25_k1 = 'NaN';
rollback;
