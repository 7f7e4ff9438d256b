-- Search statistics of a user in one language: the id of each row and the bytes of its vocabulary,
-- smallest first.
--
-- $1 user_id   $2 language
select id, octet_length(vocabulary) from carrel.search_statistics
where user_id = $1 and language = $2 order by 2
