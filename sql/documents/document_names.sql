-- User, file name and language of a document, and the number of words in its chunks.
--
-- $1 id
select d.user_id, d.filename, d.language, (
    select sum(c.words) from carrel.document_chunks as c
    where c.user_id = d.user_id and c.document_id = d.id
)
from carrel.documents as d where d.id = $1
