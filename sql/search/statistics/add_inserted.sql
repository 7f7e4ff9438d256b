-- Adds the chunks of an INSERT to the search statistics: one row for each user and language
-- whose numbers change. Chunks of users without a profile are left out.
--
-- Reads the transition table added.
insert into carrel.search_statistics (user_id, language, documents, chunks, words)
select user_id, language, coalesce(sum(sign) filter (where chunk_index = 0), 0), sum(sign),
    sum(sign * words::bigint)
from (
    select 1, user_id, language, chunk_index, words from added
) as changed (sign, user_id, language, chunk_index, words)
where words is not null and language is not null and exists (
    select from carrel.user_profiles as p where p.user_id = changed.user_id
)
group by user_id, language
having sum(sign) <> 0 or sum(sign * words::bigint) <> 0
    or sum(sign) filter (where chunk_index = 0) <> 0
order by user_id, language
