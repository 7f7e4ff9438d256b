-- Stores the result of processing a document.
--
-- $1 id   $2 processing_status   $3 processing_error   $4 search_vector; null: keep   $5 words
update carrel.documents
set
    processing_status = $2, processing_error = $3, search_vector = coalesce($4, search_vector),
    words = $5
where id = $1
