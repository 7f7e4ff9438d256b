-- Chunks measured in tokens, as the models' own tokenizer counts them.
\pset format unaligned
select chunk_index, content, start_offset, end_offset, size from carrel.chunk_text('The quick brown fox jumps over the lazy dog. Tokenization is fun!', 6, unit => 'tokens');
select content, size from carrel.chunk_text('naïve café — 漢字かな 🎉🎉 end', 6, unit => 'tokens');
select content, size from carrel.chunk_text('naïve café — 漢字かな 🎉🎉 end', 6, unit => 'tokens', encoding => 'o200k');

-- What overlaps is measured in tokens too.
select content, size from carrel.chunk_text('One two three four. Five six seven eight. Nine ten.', 9, 4, 'tokens');

-- A character is at most four tokens, so no chunk is smaller.
select outcome('select count(*) from carrel.chunk_text(''x'', 3, unit => ''tokens'')');

-- The size is the number of tokens of the content, and the offsets are those of the text.
select unit_encoding, count(*) > 20 as many, bool_and(size = carrel.count_tokens(c.content, unit_encoding)) as counted, max(size) <= 30 as fits,
    bool_and(substr(t.content, start_offset + 1, end_offset - start_offset) = c.content) as in_place
from (select string_agg(format(E'## Part %s\n\nÜber %s, don''t 漢字%s: `x_%s += 1;` 👩‍👩‍👧 and 3.14159.\n\n', n, n, n, n), '') as content from generate_series(1, 40) as n) as t,
    unnest('{cl100k,o200k}'::text[]) as unit_encoding,
    carrel.chunk_text(t.content, 30, 5, 'tokens', 'markdown', unit_encoding) as c
group by 1 order by 1;
