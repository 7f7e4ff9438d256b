-- One empty row for each of these chunks that the caller may see, with its document.
--
-- $1 ids of chunks
select from carrel.document_chunks as c
join carrel.documents as d on c.user_id = d.user_id and c.document_id = d.id
where c.id = any($1)
