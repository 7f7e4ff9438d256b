-- What is true of chunks whatever the text: offsets give the content back, no chunk is too large or blank,
-- nothing is lost and nothing is twice, in order.
create temp table texts (name text, content text);
insert into texts values
    ('every ascii character', (select string_agg(chr(n), '' order by n) from generate_series(1, 127) as n)),
    ('every plane', (select string_agg(chr(n * 65536 + 4660), ' ') from generate_series(0, 16) as n)),
    ('combining marks', repeat(U&'z\0301\0302\0303\0304\0305', 20)),
    ('one cluster', 'a' || repeat(U&'\0301', 300)),
    ('zwj emoji', repeat('👩‍👩‍👧‍👦 👨🏽‍💻🏳️‍🌈', 12)),
    ('flags', repeat('🇩🇪🇫🇷', 25)),
    ('crlf', repeat(E'line of text\r\n\r\n', 15)),
    ('old mac', repeat(E'line of text\r', 15)),
    ('cjk', repeat('吾輩は猫である。名前はまだ無い。', 12)),
    ('thai', repeat('ภาษาไทยไม่มีช่องว่าง', 12)),
    ('arabic', repeat('اللغة العربية، جميلة. ', 10)),
    ('hangul jamo', repeat(U&'\1112\1161\11AB', 60)),
    ('no separators', repeat('x', 500)),
    ('blanks of all kinds', E'a \t\n\u000b\f\r\u0085\u00a0\u1680\u2000\u2028\u2029\u202f\u205f\u3000 b'),
    ('only newlines', repeat(E'\n', 300)),
    ('byte order mark', U&'\FEFFtext after it'),
    ('zero width', repeat(U&'a\200Bb\200D\2060', 40)),
    ('markdown', E'# T\n\n' || repeat(E'- item `code`\n', 20) || E'\n```\n' || repeat(E'code line\n', 20) || E'```\n\n| a |\n|---|\n' || repeat(E'| 1 |\n', 20)),
    ('json', '{' || repeat('"key": ["a, b", {"c": "}\""}], ', 15) || '"last": null}'),
    ('yaml', repeat(E'- key: value\n  list:\n  - a\n  text: |\n    - b: c\n\n', 10)),
    ('open fence', E'```\n' || repeat(E'never closed\n', 20)),
    ('deep quotes', repeat('> ', 100) || 'deep'),
    ('long line', repeat('word ', 200)),
    ('sentences', repeat('One. Two? Three! "Four." (Five.) ', 15));

with chunks as (
    select name, t.content as text, size_asked, unit, format, c.*, lag(c.end_offset, 1, 0) over w as before_end
    from texts as t, unnest('{1,2,7,40,1600}'::int[]) as size_asked, unnest('{characters,words,tokens}'::text[]) as unit,
        unnest('{plain,markdown,json,yaml}'::text[]) as format, carrel.chunk_text(t.content, size_asked, 0, unit, format) as c
    where unit <> 'tokens' or size_asked >= 4
    window w as (partition by name, size_asked, unit, format order by c.chunk_index)
), blank as (
    select E'^[ \t\n\u000b\f\r\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*$' as pattern
)
select name, count(*) > 0 as some,
    bool_and(substr(text, start_offset + 1, end_offset - start_offset) = content) as offsets_right,
    bool_and(size <= size_asked) as fits,
    bool_and(case unit when 'words' then length(content) <= 8 * size_asked when 'tokens' then carrel.count_tokens(content) = size else length(content) = size end) as characters_fit,
    bool_and(start_offset >= before_end) as in_order,
    bool_and(substr(text, before_end + 1, start_offset - before_end) ~ pattern) as nothing_lost,
    bool_or(content ~ pattern) as some_blank
from chunks, blank group by name order by name collate "C";

-- Nothing is lost at the end either.
select name, count(*) as lost_at_end from texts as t, unnest('{4,40,1600}'::int[]) as size_asked, unnest('{characters,words,tokens}'::text[]) as unit,
    unnest('{plain,markdown,json,yaml}'::text[]) as format,
    lateral (select coalesce(max(end_offset), 0) as last_end from carrel.chunk_text(t.content, size_asked, 0, unit, format)) as c
where substr(t.content, last_end + 1) !~ E'^[ \t\n\u000b\f\r\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*$'
group by name order by name;
