-- A hundred chunks of a document whose vectors an older version of the analyzer made.
--
-- $1 user_id   $2 document_id
-- Returns id, language, headings, content, title_words.
select id, language, case heading_path when '{}' then array[section_title] else heading_path end,
    content, title_words
from carrel.document_chunks
where user_id = $1 and document_id = $2
    and analyzer_version is distinct from 1 and search_vector is not null
order by chunk_index limit 100
