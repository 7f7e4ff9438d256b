-- File names of documents that an UPDATE renamed or moved to another language, for the search
-- statistics: one row as they were and one as they are.
--
-- Reads the transition tables removed and added. Returns user_id, language, sign, and the name.
select changed.user_id, changed.language, changed.sign, changed.filename
from removed as r
full join added as a on r.id = a.id
cross join lateral (
    values (-1, r.user_id, r.language, r.filename), (1, a.user_id, a.language, a.filename)
) as changed (sign, user_id, language, filename)
where (r.user_id, r.language, r.filename) is distinct from (a.user_id, a.language, a.filename)
    and changed.user_id is not null
