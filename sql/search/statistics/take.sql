-- Deletes rows of the search statistics, to merge them. Rows that another transaction has locked stay.
--
-- $1 ids
delete from carrel.search_statistics
where ctid = any(array(select ctid from carrel.search_statistics where id = any($1) for update skip locked))
returning chunks, words, vocabulary, postings
