-- Chunks of a user in one language whose keys match a query.
--
-- $1 user_id   $2 language   $3 keys, as a tsquery in text
-- `(user_id = $1) is true` keeps the planner from an index on user_id: document_chunks_search_keys_idx
-- is to be used.
select id, document_id, chunk_index, words, title_words, search_vector, content, heading_path,
    section_title
from carrel.document_chunks
where (user_id = $1) is true and language = $2
    and carrel.chunk_keys(user_id, language, search_vector, words, coalesce(title_words, 0)) @@ $3::tsquery
