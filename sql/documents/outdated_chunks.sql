-- Documents with chunks whose vectors an older version of the analyzer made: one row for a chunk.
--
-- $1 maximum number of rows
select document_id
from carrel.document_chunks
where analyzer_version is distinct from 1 and search_vector is not null
order by document_id
limit $1
