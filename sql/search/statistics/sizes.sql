-- Search statistics of a user in one language: the id of each row, the bytes of its vocabulary and postings,
-- and how many texts it has and removes; smallest first.
--
-- $1 user_id   $2 language
select id, octet_length(vocabulary) + octet_length(postings), chunks + removed, removed
from carrel.search_statistics
where user_id = $1 and language = $2
order by 2
