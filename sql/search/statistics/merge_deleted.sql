-- Merges the rows of each user and language that a statement changed into one row. Rows that another
-- transaction has locked stay.
--
-- Reads the transition table removed.
with merged as (
    delete from carrel.search_statistics where ctid = any(array(
        select s.ctid from carrel.search_statistics as s
        where (s.user_id, s.language) in (select t.user_id, t.language from removed as t)
        for update skip locked
    ))
    returning user_id, language, documents, chunks, words
)
insert into carrel.search_statistics (user_id, language, documents, chunks, words)
select user_id, language, sum(documents), sum(chunks), sum(words)
from merged group by user_id, language order by user_id, language
