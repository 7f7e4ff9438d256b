-- Nobody's but carrel's own.
alter table carrel.search_statistics enable row level security;

-- For chunks that were there before the statistics.
insert into carrel.search_statistics (user_id, language, documents, chunks, words)
select user_id, language, count(*) filter (where chunk_index = 0), count(*), sum(words)
from carrel.document_chunks
where words is not null and not exists (select from carrel.search_statistics)
group by user_id, language;

comment on table carrel.search_statistics is 'How many chunks each user has in each language, and how long they are. Rows add up.';
comment on column carrel.search_statistics.user_id is 'The user.';
comment on column carrel.search_statistics.language is 'The language of the chunks.';
comment on column carrel.search_statistics.documents is 'How many documents have chunks: those that have a first one.';
comment on column carrel.search_statistics.chunks is 'How many chunks there are.';
comment on column carrel.search_statistics.words is 'The sum of their words.';
comment on index carrel.search_statistics_user_id_language_idx is 'Serves search_chunks() and search_documents().';
