-- Adds a change to the search statistics of a user in one language. Users without a profile are left
-- out.
--
-- $1 user_id   $2 language   $3 chunks   $4 words   $5 vocabulary
insert into carrel.search_statistics (user_id, language, chunks, words, vocabulary)
select $1, $2, $3, $4, $5
where exists (select from carrel.user_profiles where user_id = $1)
