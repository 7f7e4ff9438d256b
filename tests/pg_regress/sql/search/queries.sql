-- No query is an error, whatever its bytes.
\pset format unaligned
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (filename, content_text) values
    ('One', 'Naïve café owners don''t mail x@example.org or visit https://example.org/path?q=1.'),
    ('Two', 'Prices: 3.50, -7 and 1e5; AT&T, C++, a\b and it''s 100%.'),
    ('Three', 'Smile 🙂 東京 Москва'),
    ('Four', 'Look at http://example.com/o''neil there.');

create function pg_temp.found(query text) returns text language plpgsql as $$
begin
    return public.outcome(format('select coalesce(string_agg(filename, '', ''), '''') from (select filename from carrel.search_chunks(%L) order by filename) as r', query));
end
$$;

-- Such as find something.
select query, pg_temp.found(query) from (values
    ('café'), ('x@example.org'), ('https://example.org/path?q=1'), ('http://example.com/o''neil'), ('3.50'), ('Москва'), ('МОСКВА'), ('東京'), ('don''t mail'), ('"café owners"'), ('café or unicorn')
) as given (query);

-- Operators, quotes and patterns are words or nothing.
select query, pg_temp.found(query) from (values
    ('cafe & !mail | (x'), (''''), (''''''), ('\'), ('\\ \'' \'), ('"'), ('café:*'), ('café:A'), ('!café'), ('<->'), ('café <-> owners'), ('%'), ('_'), ('$1'), ('{}'), ('; drop table carrel.documents; --')
) as given (query);

-- Blanks, stop words, what no dictionary knows.
select what, pg_temp.found(query) from (values
    ('nothing', ''), ('a blank', ' '), ('tab and newline', E'\t\n'), ('other blanks', U&'\00A0\3000'), ('stop words', 'the of and'), ('emoji', '🙂'),
    ('emoji and a word', '🙂 café'), ('byte order mark', U&'\FEFF'), ('control characters', E'\u0001\u0002'), ('the last code point', U&'\+10FFFF')
) as given (what, query);
select count(*) as found from carrel.search_chunks(null);
select count(*) as found from carrel.search_documents(null);

-- Very long ones: a word at the front is found.
select pg_temp.found('café ' || repeat('x', 100000)) as long_word, pg_temp.found('café ' || repeat('unicorn ', 12500)) as many_times;
select pg_temp.found('café ' || (select string_agg('w' || n, ' ') from generate_series(1, 20000) as n)) as many_words;
select count(*) as documents from carrel.search_documents('café ' || (select string_agg('w' || n, ' ') from generate_series(1, 20000) as n));
select pg_temp.found((select string_agg(md5(n::text), ' ') from generate_series(1, 60000) as n)) !~ '^[0-9A-Z]{5}: ' as two_megabytes_are_no_error;
select pg_temp.found(repeat('((((', 25000)) as parentheses, pg_temp.found(repeat('!', 100000)) as marks, pg_temp.found(repeat('é', 50000)) as accents;
rollback;
