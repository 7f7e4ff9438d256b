-- A chunk's vector is what to_tsvector() makes of its content, in every language, whatever the words;
-- and where that has the name of a file or host, its parts are there as well, at the same place.
begin;
create function pg_temp.is_right(vector tsvector, reference tsvector) returns boolean language sql as $$
    with found as (select lexeme, unnest(positions) as position from unnest(vector)),
        expected as (select lexeme, unnest(positions) as position from unnest(reference))
    select not exists (select * from expected except select * from found)
        and not exists (
            select from (select * from found except select * from expected) as part
            where not exists (
                select from expected as name where name.position = part.position and name.lexeme ~ '[^[:alnum:]]'
            )
        )
$$;
create temp table texts (name text, content text);
grant select on texts to public;
insert into texts values
    ('words', 'The quick brown foxes were jumping over the lazy dogs'' beds, weren''t they? Nationalities, nationality, NATIONAL.'),
    ('kinds of tokens', 'mail a.b@example.com or http://www.example.com/path/file.html?q=1, ftp.example.org, /usr/local/lib, 3.14 -2 1e10 v1.2.3, well-known up-to-date x-y-z, <b class="x">bold</b> &amp; &#38; foo_bar C++ 10:30'),
    ('stop words alone', 'the and of to in'),
    ('no words', '... !!! ---'),
    ('other scripts', 'Füße naïve Straße Ελληνικά русский язык العربية 漢字 かな हिन्दी ﬁ ǅ İstanbul'),
    ('repeated', repeat('again and again ', 90)),
    ('marks', U&'e\0301cole cafe\0301 a\200Db \+01F600'),
    ('control', E'a\u0001b\tc\u00a0d\u2028e'),
    ('a word as long as they get', repeat('x', 1590));
insert into texts select 'mixed ' || n, string_agg(substr(md5(n || '-' || i), 1, 1 + i % 7), case when i % 11 = 0 then '-' when i % 13 = 0 then '.' else ' ' end) from generate_series(1, 20) as n, generate_series(1, 150) as i group by n;

grant execute on all functions in schema pg_temp to public;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (filename, language, content_text)
select name || '.txt', cfgname, content from texts, pg_ts_config where cfgnamespace = 'pg_catalog'::regnamespace;
select count(*) > 800 as some, count(*) filter (where pg_temp.is_right(c.search_vector, to_tsvector(d.language::regconfig, c.content)) is not true) as different
from carrel.document_chunks as c join carrel.documents as d on d.id = c.document_id;

-- The parts are found as words are, in the forms that they have.
select c.search_vector @@ 'local & lib & usr & exampl & file & html & b'::tsquery as parts, c.search_vector @@ '/usr/local/lib <-> 3.14'::tsquery as in_place
from carrel.document_chunks as c join carrel.documents as d on d.id = c.document_id where d.filename = 'kinds of tokens.txt' and d.language = 'english';

-- A chunk of many words keeps as many positions, and none beyond the last.
set local carrel.chunk_size = 1000000;
set client_min_messages = error;
insert into carrel.documents (filename, content_text) values ('many.txt', repeat('apple pear ', 1450)), ('long.txt', repeat('z', 2046) || ' ' || repeat('y', 2047) || ' after');
select filename, c.search_vector = to_tsvector('english', c.content) as same from carrel.document_chunks as c join carrel.documents as d on d.id = c.document_id where size > 1600 order by 1;
reset client_min_messages;
reset role;

-- Dictionaries of every kind, one after the other, one that reads on (a thesaurus) among them; a configuration that changes is asked anew.
create text search dictionary synonyms_here (template = synonym, synonyms = synonym_sample);
create text search dictionary ispell_here (template = ispell, dictfile = ispell_sample, afffile = ispell_sample);
create text search dictionary thesaurus_here (template = thesaurus, dictfile = thesaurus_sample, dictionary = english_stem);
create text search configuration public.custom (copy = pg_catalog.english);
grant usage on schema public to carrel_regress_user;
insert into texts values ('custom', 'postgres postgresql gogle indices bookings skies rebook the supernovae stars, one two three and one two of 1 12');
create function pg_temp.differences() returns bigint language sql as $$
    delete from carrel.documents where language = 'public.custom';
    insert into carrel.documents (user_id, filename, language, content_text) select '11111111-1111-1111-1111-111111111111', name || '.txt', 'public.custom', content from texts;
    select count(*) filter (where pg_temp.is_right(search_vector, to_tsvector('public.custom', content)) is not true) from carrel.document_chunks where document_id in (select id from carrel.documents where language = 'public.custom')
$$;
select pg_temp.differences() as plain;
alter text search configuration public.custom alter mapping for asciiword with synonyms_here, english_stem;
select pg_temp.differences() as synonyms;
select c.search_vector from carrel.document_chunks as c join carrel.documents as d on d.id = c.document_id where d.filename = 'custom.txt';
alter text search configuration public.custom alter mapping for asciiword, word with ispell_here, simple;
select pg_temp.differences() as ispell;
alter text search dictionary ispell_here (stopwords = english);
select pg_temp.differences() as ispell_with_stop_words;
alter text search configuration public.custom alter mapping for asciiword with thesaurus_here, english_stem;
select pg_temp.differences() as thesaurus;
select c.search_vector from carrel.document_chunks as c join carrel.documents as d on d.id = c.document_id where d.filename = 'custom.txt';
alter text search configuration public.custom alter mapping for asciiword with english_stem;
select pg_temp.differences() as plain_again;
rollback;
