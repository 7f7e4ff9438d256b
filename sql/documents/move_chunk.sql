-- Moves a chunk to another position in its document, with a new search vector if it was parsed
-- again.
--
-- $1 id   $2 chunk_index   $3 start_offset   $4 end_offset   $5 size   $6 search_vector; null: keep
-- $7 words   $8 language   $9 title_words   $10 version of the analyzer
update carrel.document_chunks
set
    chunk_index = $2, start_offset = $3, end_offset = $4, size = $5,
    search_vector = coalesce($6, search_vector),
    words = case when $6 is null then words else $7 end,
    language = case when $6 is null then language else $8 end,
    analyzer_version = case when $6 is null then analyzer_version else $10 end,
    title_words = $9
where id = $1
