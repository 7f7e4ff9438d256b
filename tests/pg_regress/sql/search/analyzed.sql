-- Words that Postgres' parser loses or keeps whole are found, alone and in phrases, and highlighted.
\pset format unaligned
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (filename, content_text) values
    ('tags.txt', E'Applies when age <eighteen.\n\nParents sign the waiver.\n\nScore >ninety wins.'),
    ('code.md', E'# Shell\n\nRun `ssh <username>@<hostname> 2>errors.log`; returns `Option<Voucher>`.'),
    ('page.html', '<p>Write <code>&lt;textarea&gt;</code>.</p>'),
    ('numbers.txt', 'Order PO-001, Covid-19, SKU-ABC-123, v6.2.8, python3.11, PostgreSQL 15.20, at -5 °C.'),
    ('addresses.txt', 'See https://example.com/pricing, mail ann.lee@example.org; the folder /tmp; cd ~/.config'),
    ('names.txt', 'getUserName() calls get_user_name; AT&T, C++, C#, .NET; O''Neill; state-of-the-art.'),
    ('forms.txt', U&'Besta\0308tigung, Politik\00ADwissen\00ADschaft, zero\200Bwidth, o\FB03ce, \FF21\FF22\FF23, \05E9\05C1\05B8\05DC\05D5\05B9\05DD'),
    ('accents.txt', 'Orléans, Zürich'), ('plain.txt', 'Orleans, Zurich'),
    ('chinese.txt', '数据库的备份和恢复'), ('japanese.txt', 'データベースのバックアップ'), ('thai.txt', 'การสำรองฐานข้อมูล'),
    ('korean.txt', '학교에서는 공부를 한다'), ('emoji.txt', 'A rocket 🚀 flies');
select query, (
    select string_agg(format('%s %s %s', filename, matched, (select string_agg(m[1], '+') from regexp_matches(snippet, '<mark>(.*?)</mark>', 'g') as m)), ', ' order by filename)
    from carrel.search_chunks(query)
) as found
from unnest(array[
    'waiver', 'ninety', 'voucher', 'hostname', 'errors', 'textarea',
    '001', '19', '"PO 001"', '"covid 19"', 'PO-001', 'ABC-123', '6.2.8', 'python', 'python3.11', '15', '15.20', '-5',
    'pricing', 'example.com', 'ann.lee@example.org', 'lee', 'tmp', '/tmp', '~/.config',
    'getUserName', 'user', '"get user name"', 'AT&T', 'C++', 'C#', '.NET', 'neill', 'O''Neill', '"state of the art"',
    'Bestätigung', 'Politikwissenschaft', 'zerowidth', 'office', 'ABC', 'שלום',
    'Orleans', 'Orléans', 'zurich', 'ZÜRICH', '恢复', '备份', 'バックアップ', 'ฐานข้อมูล', '학교', '🚀'
]) as query;
-- The exact form first.
select filename from carrel.search_chunks('Orléans');
-- Variants that share a lexeme are one occurrence in the query; a word that is repeated weighs more.
insert into carrel.documents (filename, content_text, language) values ('german.txt', 'Die Häuser stehen', 'german');
select round((a.score / b.score)::numeric, 3) as accented, round((c.score / b.score)::numeric, 3) as repeated
from carrel.search_chunks('Häuser') as a, carrel.search_chunks('Hauser') as b, carrel.search_chunks('Häuser Häuser') as c;
-- Up to ten words, quotes and signs count; in prose they do not. Options of commands are words.
insert into carrel.documents (filename, content_text) values ('commands.txt', 'pg_restore -d app7 --force; tar -xzf file; psql -X -d app7 -c'), ('other.txt', 'app7 stands for a file');
select query, (select string_agg(filename || ' ' || matched, ', ' order by filename) from carrel.search_chunks(query)) as found
from unnest(array[
    'pg_restore -d app7', 'tar -xzf file', 'psql -X -d app7 -c', 'pg_restore --force', 'app7 -stands', '-stands app7', 'app7 -"stands for"', 'file -stands app7',
    'what did the author mean when he wrote of "app7 psql" and "file tar" at the time?', 'which "file tar"?'
]) as query;
-- analyze_text() shows words with their lexemes; a compound comes before its parts.
select * from carrel.analyze_text(U&'The PO-001 of Z\00FCrich runs src/lib.rs', 'english');
select count(*) as words from carrel.analyze_text(null);
reset role;
create schema carrel_regress_hidden;
create text search configuration carrel_regress_hidden.own (copy = pg_catalog.simple);
set local role carrel_regress_user;
select public.outcome($$select * from carrel.analyze_text('x', 'carrel_regress_hidden.own')$$) as hidden;
select public.outcome($$select * from carrel.analyze_text('x', 'nowhere')$$) as unknown, public.outcome($$select * from carrel.analyze_text('x', null)$$) as no_language;
rollback;
