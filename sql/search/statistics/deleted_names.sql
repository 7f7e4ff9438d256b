-- File names of the documents of a DELETE, for the search statistics: one row each.
--
-- Reads the transition table removed. Returns user_id, language, sign, and the name.
select user_id, language, -1, filename from removed
