-- File names of imported documents, for the search statistics: one row each.
--
-- Returns user_id, language, sign, and the name.
select user_id, language, 1, filename from carrel.documents where id in (select id from import_documents)
