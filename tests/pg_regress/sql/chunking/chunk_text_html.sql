-- HTML is cut as the text that a reader sees, under its headings; offsets are those of the source.
\pset format unaligned
create temp table pages (name text, page text);
insert into pages values ('guide', E'<!DOCTYPE html><html><head><title>Guide</title><style>p { color: red }</style><script>var a = "<h1>no</h1>";</script></head>\n<body><nav>Menu</nav><h1>Guide &amp; tips</h1>\n<p>Some <b>bold</b> and\n   wrapped text.</p><!-- <h2>no</h2> -->\n<h2>Install</h2><ul><li>First <a href="x>y">item</a></li><li>Second</li></ul>\n<pre>code  here\n  two</pre><h3 class=x>Linux</h3><table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table><h2>Use</h2><p>Caf&eacute; &#x1F389; &lt;tag&gt;</p></body></html>');
select chunk_index, heading_path, section_title, content, size from pages, carrel.chunk_text(page, 40, format => 'html');

-- The source of a chunk begins with its first character and ends with its last.
select substr(page, start_offset + 1, end_offset - start_offset) as source from pages, carrel.chunk_text(page, 40, format => 'html');

-- In every unit and with overlap nothing is too large.
select unit, overlap, bool_and(size <= 12) as fits, bool_and(start_offset < end_offset) as in_source, string_agg(content, '' order by chunk_index) ~ 'script|color|<h2>no' as markup
from pages, unnest('{characters,words,tokens}'::text[]) as unit, unnest('{0,5}'::int[]) as overlap, carrel.chunk_text(page, 12, overlap, unit, 'html') group by 1, 2 order by 1, 2;

-- A document is cut so by its type or name; what is stored is the text, found by search, and the source stays.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
set local carrel.chunk_size = 60;
insert into carrel.documents (filename, file_type, content_text) values ('a.html', null, '<h1>Tea</h1><p>Brew green tea.</p><script>steal()</script>'), ('b', 'text/html; charset=utf-8', '<h1>Tea</h1><p>Brew green tea.</p>');
select filename, c.content, c.heading_path, c.start_offset, c.end_offset, c.search_vector, content_hash = sha256(convert_to(c.content, 'UTF8')) as hashed
from carrel.document_chunks as c join carrel.documents as d on d.id = c.document_id order by 1;
select filename, section_title from carrel.search_chunks('green tea') order by 1;
select count(*) from carrel.search_chunks('steal');
update carrel.documents set content_text = replace(content_text, 'green', 'black') where filename = 'a.html';
select c.content from carrel.document_chunks as c join carrel.documents as d on d.id = c.document_id where filename = 'a.html';
rollback;
