-- chunk_text() cuts a text into chunks of at most chunk_size characters, at the best boundaries that fit:
-- paragraphs, lines, sentences, words, and inside a word only where there is no other way.
\pset format unaligned
select * from carrel.chunk_text('A short text.');

-- Paragraphs before sentences, sentences before words.
select chunk_index, content, start_offset, end_offset, size
from carrel.chunk_text(E'One. Two. Three.\n\nFour is a longer sentence than that. Five.', 25);

-- Blank lines at the edges of a chunk are dropped, indentation is kept.
select chunk_index, quote_literal(content) as content, start_offset, end_offset
from carrel.chunk_text(E'\n\n    indented line\n\n\n\nlast line\n\n', 20);

-- No separators at all: every chunk is as long as it may be.
select chunk_index, content, start_offset, end_offset from carrel.chunk_text('abcdefghij', 4);

-- A grapheme cluster is one piece: a family of emoji, letters with their accents, CRLF.
select chunk_index, content, size from carrel.chunk_text('👩‍👩‍👧‍👦👩‍👩‍👧‍👦', 11);
select chunk_index, content, size from carrel.chunk_text(U&'e\0301e\0301e\0301', 3);
select chunk_index, quote_literal(replace(content, E'\r', '<CR>')) as content from carrel.chunk_text(E'ab\r\ncd\r\n', 4);

-- Sentences end as Unicode has it.
select chunk_index, content from carrel.chunk_text('第一句。第二句！第三句？', 5);
select chunk_index, content from carrel.chunk_text('Dr. Smith paid 3.50 today. Then he left.', 30);

-- No text, no chunks.
select count(*) as of_null from carrel.chunk_text(null);
select count(*) as of_nothing from carrel.chunk_text('');
select count(*) as of_blanks from carrel.chunk_text(E' \t\r\n\u00a0\u3000 ');

-- The default size.
select chunk_index, size, left(content, 10) as starts from carrel.chunk_text(repeat('A sentence of forty characters, no more. ', 100));
