-- File names of documents that an UPDATE renamed or moved to another language, for the search
-- statistics: one row as they were and one as they are.
--
-- Reads the transition tables removed and added. Returns user_id, language, sign, and the name.
select user_id, language, 1, filename
from added as a
where not exists (
    select from removed as r
    where r.id = a.id
        and (r.user_id, r.language, r.filename) = (a.user_id, a.language, a.filename)
)
union all
select user_id, language, -1, filename
from removed as r
where not exists (
    select from added as a
    where r.id = a.id
        and (r.user_id, r.language, r.filename) = (a.user_id, a.language, a.filename)
)
