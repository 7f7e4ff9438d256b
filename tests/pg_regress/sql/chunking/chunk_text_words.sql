-- unit => 'words' counts words as Unicode (UAX #29) does; a chunk is at most 8 characters a word long as well.
\pset format unaligned
select chunk_index, content, size, start_offset, end_offset
from carrel.chunk_text('The quick brown fox. It jumps over the lazy dog, doesn''t it?', 5, unit => 'words');

-- Punctuation and blanks are no words; numbers are.
select chunk_index, content, size from carrel.chunk_text('3.14 -- 2,000 ... can''t!', 100, unit => 'words');

-- Chinese and Japanese ideographs are a word each; Thai runs are not.
select chunk_index, content, size from carrel.chunk_text('我爱北京天安门', 3, unit => 'words');

-- Text without words still becomes chunks.
select chunk_index, content, size from carrel.chunk_text('*** --- ***', 2, unit => 'words');

-- Long words: the limit in characters holds.
select chunk_index, length(content) as characters, size from carrel.chunk_text(repeat('x', 50) || ' ' || repeat('y', 10), 3, unit => 'words');

-- With overlap.
select chunk_index, content, size from carrel.chunk_text('one two three four five six seven eight', 4, 2, 'words');
