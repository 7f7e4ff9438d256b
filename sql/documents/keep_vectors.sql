-- Marks the vectors of a document's chunks as those of this version of the analyzer, as they are.
--
-- $1 document_id   $2 version of the analyzer
update carrel.document_chunks
set analyzer_version = $2
where document_id = $1 and analyzer_version is distinct from 1 and search_vector is not null
