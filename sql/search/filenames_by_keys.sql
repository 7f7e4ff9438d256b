-- Documents of a user in one language whose file names match a query.
--
-- $1 user_id   $2 language   $3 keys, as a tsquery in text
-- `(user_id = $1) is true` keeps the planner from an index on user_id: documents_filename_keys_idx is
-- to be used.
select id, filename
from carrel.documents
where (user_id = $1) is true and language = $2
    and carrel.search_keys(user_id, language, ts_filter(search_vector, '{a}')) @@ $3::tsquery
