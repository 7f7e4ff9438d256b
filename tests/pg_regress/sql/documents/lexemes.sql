-- Plain words give the lexemes that to_tsvector() gives, in every language; at the same positions but for
-- hyphenated words, which stand at the position of their first part.
begin;
create function pg_temp.same(vector tsvector, reference tsvector) returns boolean language sql as $$
    select case when reference::text ~ '[[:alnum:]]-[[:alnum:]]' then strip(vector) = strip(reference) else vector = reference end
$$;
create temp table texts (name text, content text);
grant select on texts to public;
insert into texts values
    ('words', 'The quick brown foxes were jumping over the lazy dogs. Nationalities, nationality, NATIONAL.'),
    ('hyphenated', 'well-known up-to-date x-y-z, a half-hearted long-term try'),
    ('stop words alone', 'the and of to in'),
    ('no words', '... !!! ---'),
    ('other scripts', 'русский язык अब'),
    ('repeated', repeat('again and again ', 90)),
    ('control', E'a\u0001b\tc\u00a0d\u2028e'),
    ('a word as long as they get', repeat('x', 1590));
insert into texts select 'mixed ' || n, string_agg(substr(translate(md5(n || '-' || i), '0123456789', 'ghijklmnop'), 1, 1 + i % 7), case when i % 11 = 0 then '-' when i % 13 = 0 then '. ' else ' ' end) from generate_series(1, 20) as n, generate_series(1, 150) as i group by n;

grant execute on all functions in schema pg_temp to public;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (filename, language, content_text)
select name || '.txt', cfgname, content from texts, pg_ts_config where cfgnamespace = 'pg_catalog'::regnamespace;
select count(*) > 800 as some, count(*) filter (where pg_temp.same(c.search_vector, to_tsvector(d.language::regconfig, c.content)) is not true) as different
from carrel.document_chunks as c join carrel.documents as d on d.id = c.document_id;

-- A chunk of many words keeps as many positions, and none beyond the last.
set local carrel.chunk_size = 1000000;
set client_min_messages = error;
insert into carrel.documents (filename, content_text) values ('many.txt', repeat('apple pear ', 1450)), ('long.txt', repeat('z', 2045) || ' after');
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
    select count(*) filter (where pg_temp.same(search_vector, to_tsvector('public.custom', content)) is not true) from carrel.document_chunks where document_id in (select id from carrel.documents where language = 'public.custom')
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
