-- Chunks of some documents of a user in one language.
--
-- $1 user_id   $2 ids of the documents   $3 language
select id, document_id, chunk_index, words, title_words, search_vector, content, heading_path,
    section_title
from carrel.document_chunks
where user_id = $1 and document_id = any($2) and language = $3 and words is not null
