-- Adds a change to the search statistics of a user in one language. Users without a profile are left
-- out.
--
-- $1 user_id   $2 language   $3 chunks   $4 words   $5 vocabulary   $6 removed   $7 postings
insert into carrel.search_statistics (user_id, language, chunks, words, vocabulary, removed, postings)
select $1, $2, $3, $4, $5, $6, $7
where exists (select from carrel.user_profiles where user_id = $1)
