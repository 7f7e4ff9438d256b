-- Chunks of a user in one language, for the search statistics: one row each.
--
-- $1 user_id   $2 language
-- Returns user_id, language, sign, words, headings, content, id,
-- document_id, title_words, search_vector.
select user_id, language, 1, words,
    array_to_string(case heading_path when '{}' then array[section_title] else heading_path end, e'\n'),
    content, id, document_id, title_words, search_vector
from carrel.document_chunks
where user_id = $1 and language = $2 and words is not null
