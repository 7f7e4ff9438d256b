-- Search statistics of a user: rows to add up by language. Documents without words in chunks, which
-- are found by their file names, give a row of zeros.
--
-- $1 user_id
select language, chunks, words from carrel.search_statistics where user_id = $1
union all
select language, 0, 0 from carrel.documents
where user_id = $1 and coalesce(words, 0) = 0
