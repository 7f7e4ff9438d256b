-- Postings of a user in one language. They add up.
--
-- $1 user_id   $2 language
select postings from carrel.search_statistics
where user_id = $1 and language = $2 and postings <> ''
