-- File names of imported documents, for the search statistics: one row each.
--
-- Returns user_id, language, sign, and the name.
select d.user_id, d.language, 1, d.filename
from carrel.documents as d
join import_documents as i on d.id = i.id
