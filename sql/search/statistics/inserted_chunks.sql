-- Chunks of an INSERT, for the search statistics: one row each.
--
-- Reads the transition table added. Returns user_id, language, sign, words, headings, content, id,
-- document_id, title_words, search_vector.
select user_id, language, 1, words,
    array_to_string(case heading_path when '{}' then array[section_title] else heading_path end, e'\n'),
    content, id, document_id, title_words, search_vector
from added
where words is not null and language is not null
