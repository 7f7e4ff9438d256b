-- Chunks that an UPDATE changed, for the search statistics: one row as they were and one as they are.
-- Chunks that only moved in their document are left out.
--
-- Reads the transition tables removed and added. Returns user_id, language, sign, words, headings,
-- content.
select changed.user_id, changed.language, changed.sign, changed.words,
    array_to_string(
        case changed.heading_path when '{}' then array[changed.section_title] else changed.heading_path end, e'\n'
    ),
    changed.content
from removed as r
full join added as a on r.id = a.id
cross join lateral (
    values
        (-1, r.user_id, r.language, r.words, r.heading_path, r.section_title, r.content),
        (1, a.user_id, a.language, a.words, a.heading_path, a.section_title, a.content)
) as changed (sign, user_id, language, words, heading_path, section_title, content)
where (r.user_id, r.language, r.words, r.heading_path, r.section_title, r.content)
    is distinct from (a.user_id, a.language, a.words, a.heading_path, a.section_title, a.content)
    and changed.words is not null and changed.language is not null
