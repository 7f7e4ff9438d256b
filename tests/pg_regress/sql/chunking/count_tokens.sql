-- Tokens are counted as tiktoken counts them.
\pset format unaligned
select content, carrel.count_tokens(content) as cl100k, carrel.count_tokens(content, 'o200k') as o200k
from (values (''), ('a'), ('hello world'), ('antidisestablishmentarianism'), ('   indented'), (E'\n\n\n'), ('don''t'), ('漢字'), ('🎉'), ('<|endoftext|>'), ('1234567890')) as t (content);
select carrel.count_tokens(null) is null as of_null, carrel.count_tokens('x', null) is null as in_null;
select outcome('select carrel.count_tokens(''x'', ''gpt2'')');
select carrel.count_tokens(repeat('x', 1000000)), carrel.count_tokens(repeat('word ', 100000)), carrel.count_tokens(repeat(E'\n', 1000000), 'o200k');
