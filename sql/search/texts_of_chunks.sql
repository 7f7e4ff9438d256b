-- Texts of some chunks: id, content, headings.
--
-- $1 user_id   $2 ids
select id, content,
    array_to_string(case heading_path when '{}' then array[section_title] else heading_path end, e'\n')
from carrel.document_chunks
where user_id = $1 and id = any($2)
