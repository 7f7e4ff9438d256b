-- The vector of a document is put together from those of its chunks: every word of every chunk is in it,
-- the name as A, headings as B, and as often as it stands there.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (filename, file_type, content_text, language)
select 'Words ' || k, 'text/markdown', E'# Heading\n\n' || string_agg(translate(n::text, '0123456789', 'abcdefghij'), ' ' order by n), 'simple'
from unnest('{1,10,100,1000,10000}'::int[]) as k, generate_series(1, k) as n group by k
returning filename, length(search_vector) as words;

-- It agrees with the vector that Postgres makes of the whole text, but for positions.
select filename,
    strip(d.search_vector) = strip(to_tsvector('simple', filename || ' ' || content_text)) as same_words,
    ts_filter(d.search_vector, '{a}') @@ 'words' as name_is_a, ts_filter(d.search_vector, '{b}') @@ 'heading' as heading_is_b,
    count(*) as chunks, sum(length(c.search_vector)) >= 2 as chunks_have_words
from carrel.documents as d join carrel.document_chunks as c on document_id = d.id
group by d.id order by filename;

-- A word far apart from another is not next to it, across chunks as well.
insert into carrel.documents (filename, content_text) values ('Far', 'alpha ' || repeat('filler ', 1000) || 'omega');
select search_vector @@ 'alpha <-> omega' as next_to, search_vector @@ 'alpha & omega' as both from carrel.documents where filename = 'Far';
rollback;
