-- Stores a new vector of a chunk.
--
-- $1 id   $2 search_vector   $3 words   $4 title_words   $5 version of the analyzer
update carrel.document_chunks
set search_vector = $2, words = $3, title_words = $4, analyzer_version = $5
where id = $1
