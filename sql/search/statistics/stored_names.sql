-- File names of a user's documents in one language, for the search statistics: one row each.
--
-- $1 user_id   $2 language
-- Returns user_id, language, sign, and the name.
select user_id, language, 1, filename from carrel.documents where user_id = $1 and language = $2
