-- Chunks that an UPDATE changed, for the search statistics: one row as they were and one as they are.
-- Chunks that only moved in their document are left out.
--
-- Reads the transition tables removed and added. Returns user_id, language, sign, words, headings,
-- content, id, document_id, title_words, search_vector.
select changed.user_id, changed.language, changed.sign, changed.words,
    array_to_string(
        case changed.heading_path when '{}' then array[changed.section_title] else changed.heading_path end, e'\n'
    ),
    changed.content, changed.id, changed.document_id, changed.title_words, changed.search_vector
from removed as r
full join added as a on r.id = a.id
cross join lateral (
    values
        (-1, r.user_id, r.language, r.words, r.heading_path, r.section_title, r.content, r.id,
            r.document_id, r.title_words, r.search_vector),
        (1, a.user_id, a.language, a.words, a.heading_path, a.section_title, a.content, a.id,
            a.document_id, a.title_words, a.search_vector)
) as changed (sign, user_id, language, words, heading_path, section_title, content, id, document_id, title_words, search_vector)
where (r.user_id, r.language, r.words, r.heading_path, r.section_title, r.content, r.document_id,
        r.title_words, r.search_vector)
    is distinct from (a.user_id, a.language, a.words, a.heading_path, a.section_title, a.content,
        a.document_id, a.title_words, a.search_vector)
    and changed.words is not null and changed.language is not null
