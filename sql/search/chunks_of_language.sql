-- Chunks of a user in one language: all of them.
--
-- $1 user_id   $2 language
select id, document_id, chunk_index, words, title_words, search_vector, content, heading_path,
    section_title
from carrel.document_chunks
where user_id = $1 and language = $2 and words is not null
