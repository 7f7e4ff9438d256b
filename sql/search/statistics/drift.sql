-- Differences between chunks and search statistics, by user and language: rows to insert into
-- search_statistics. They arise if chunks are older than the statistics, or were changed while the
-- triggers were disabled.
--
-- No parameters. migrate() inserts them; doctor() lists them.
select user_id, language, coalesce(there.documents, 0) - coalesce(kept.documents, 0) as documents,
    coalesce(there.chunks, 0) - coalesce(kept.chunks, 0) as chunks, coalesce(there.words, 0) - coalesce(kept.words, 0) as words
from (
    select user_id, language, count(*) filter (where chunk_index = 0) as documents, count(*) as chunks, sum(words) as words
    from carrel.document_chunks where words is not null and language is not null group by user_id, language
) as there
full join (
    select user_id, language, sum(documents) as documents, sum(chunks) as chunks, sum(words) as words
    from carrel.search_statistics group by user_id, language
) as kept using (user_id, language)
where (there.documents, there.chunks, there.words) is distinct from (kept.documents, kept.chunks, kept.words)
    and (there.chunks is not null or (kept.documents, kept.chunks, kept.words) <> (0, 0, 0))
