-- Ages of documents, as multiples of an interval: from 0, also for those with a time to come.
--
-- $1 user_id   $2 ids of documents   $3 interval
select id, greatest(0, extract(epoch from now() - created_at) / extract(epoch from $3::interval))::float8
from carrel.documents
where user_id = $1 and id = any($2)
