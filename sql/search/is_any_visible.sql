-- True if the caller may see any of these chunks, with its document, or any of these documents.
--
-- $1 ids of chunks   $2 ids of documents
select exists (
    select from carrel.document_chunks as c
    join carrel.documents as d on c.user_id = d.user_id and c.document_id = d.id
    where c.id = any($1)
) or exists (select from carrel.documents where id = any($2))
