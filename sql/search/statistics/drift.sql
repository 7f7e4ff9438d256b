-- Users and languages whose search statistics differ from their chunks. Chunks may be older than the
-- statistics, or were changed while the triggers were disabled.
--
-- No parameters. migrate() counts them again; doctor() lists them.
select user_id, language
from (
    select user_id, language, count(*) as chunks, sum(words) as words
    from carrel.document_chunks
    where words is not null and language is not null
    group by user_id, language
) as there
full join (
    select user_id, language, sum(chunks) as chunks, sum(words) as words
    from carrel.search_statistics
    group by user_id, language
) as kept using (user_id, language)
where (coalesce(there.chunks, 0), coalesce(there.words, 0))
    <> (coalesce(kept.chunks, 0), coalesce(kept.words, 0))
