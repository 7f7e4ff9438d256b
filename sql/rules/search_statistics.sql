-- Used only by carrel's own functions.
alter table carrel.search_statistics alter column id set default carrel.uuid_v7();
alter table carrel.search_statistics enable row level security;

create or replace trigger search_statistics_check_privileges
    before insert or delete or update or truncate on carrel.search_statistics
    for each statement execute function carrel.check_privileges();

-- Deletes rows of deleted users, which concurrent statements have inserted.
delete from carrel.search_statistics as s
where not exists (select from carrel.user_profiles as p where p.user_id = s.user_id);

-- Completes chunks that a service wrote without language or words.
update carrel.document_chunks as c
set language = coalesce(c.language, d.language), words = (select coalesce(sum(cardinality(positions)), 0) from unnest(c.search_vector))
from carrel.documents as d
where d.user_id = c.user_id and d.id = c.document_id
    and c.search_vector is not null and (c.words is null or c.language is null);

-- Inserts the differences between chunks and statistics. They arise if chunks are older than the
-- statistics, or were changed while the triggers were disabled.
insert into carrel.search_statistics (user_id, language, documents, chunks, words)
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
    and (there.chunks is not null or (kept.documents, kept.chunks, kept.words) <> (0, 0, 0));

comment on table carrel.search_statistics is 'Number and length of chunks by user and language. The rows of a user and language add up.';
comment on column carrel.search_statistics.id is 'Primary key (UUIDv7).';
comment on column carrel.search_statistics.user_id is 'Owner of the chunks.';
comment on column carrel.search_statistics.language is 'Language of the chunks.';
comment on column carrel.search_statistics.documents is 'Number of documents with chunks, counted by their first chunk.';
comment on column carrel.search_statistics.chunks is 'Number of chunks.';
comment on column carrel.search_statistics.words is 'Sum of the words of the chunks.';
