-- Number of chunks whose vectors an older version of the analyzer made.
select count(*)
from carrel.document_chunks
where analyzer_version is distinct from 1 and search_vector is not null
