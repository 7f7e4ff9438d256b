-- format => 'markdown': chunks end at sections where they can, and know the headings that they are under.
select chunk_index, content, section_title, heading_path
from carrel.chunk_text(E'Preface, two lines.\n\n# Guide\n\nIntro to it.\n\n## Install\n\nRun the installer.\n\n### Linux\n\nUse apt.\n\n## Use\n\nCall it.\n\n# Index\n\nWords.\n', 30, format => 'markdown');

-- Small sections share a chunk; it is under what it begins under.
select chunk_index, section_title, heading_path from carrel.chunk_text(E'# A\n\none\n\n## B\n\ntwo\n\n# C\n\nthree\n', format => 'markdown');

-- Plain text has no headings.
select section_title, heading_path from carrel.chunk_text(E'# A\n\none\n');

-- Headings by underline, with closing hashes; what looks like one inside of code is none.
select chunk_index, section_title, heading_path
from carrel.chunk_text(E'Title\n=====\n\nSubtitle\n--------\n\ntext text text text\n\n### Third ###\n\nmore more more more\n\n```\n# no heading\n```\n', 20, format => 'markdown');

-- A code fence and a table are kept whole where they fit.
select chunk_index, content
from carrel.chunk_text(E'Some words before it.\n\n```sql\nselect 1;\n\nselect 2;\n```\n\nSome words after it.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n', 45, format => 'markdown');

-- A level that is left out is not in the path.
select section_title, heading_path from carrel.chunk_text(E'# A\n\n### B\n\ntext\n', 8, format => 'markdown');

-- Lists and quotes.
select chunk_index, content from carrel.chunk_text(E'- first item\n- second item\n  goes on\n- third\n\n> a quote\n> of two lines\n', 24, format => 'markdown');
