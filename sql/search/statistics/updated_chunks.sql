-- Chunks that an UPDATE changed, for the search statistics: one row as they were and one as they are.
-- Chunks that only moved in their document are left out.
--
-- Reads the transition tables removed and added. Returns user_id, language, sign, words, headings,
-- content.
select user_id, language, sign, words,
    array_to_string(case heading_path when '{}' then array[section_title] else heading_path end, e'\n'),
    content
from (
    select 1, a.user_id, a.language, a.words, a.heading_path, a.section_title, a.content
    from added as a
    where not exists (
        select from removed as r
        where r.id = a.id
            and (r.user_id, r.language, r.words, r.heading_path, r.section_title, r.content)
                is not distinct from
                (a.user_id, a.language, a.words, a.heading_path, a.section_title, a.content)
    )
    union all
    select -1, r.user_id, r.language, r.words, r.heading_path, r.section_title, r.content
    from removed as r
    where not exists (
        select from added as a
        where r.id = a.id
            and (r.user_id, r.language, r.words, r.heading_path, r.section_title, r.content)
                is not distinct from
                (a.user_id, a.language, a.words, a.heading_path, a.section_title, a.content)
    )
) as changed (sign, user_id, language, words, heading_path, section_title, content)
where words is not null and language is not null
