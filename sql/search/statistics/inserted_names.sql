-- File names of the documents of an INSERT, for the search statistics: one row each.
--
-- Reads the transition table added. Returns user_id, language, sign, and the name.
select user_id, language, 1, filename from added
