-- Search statistics of a user: rows to add up by language.
--
-- $1 user_id
select language, chunks, words from carrel.search_statistics where user_id = $1
