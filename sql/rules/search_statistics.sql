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
set language = coalesce(c.language, d.language), words = (select count(distinct position) from unnest(c.search_vector), unnest(positions) as position)
from carrel.documents as d
where d.user_id = c.user_id and d.id = c.document_id
    and c.search_vector is not null and (c.words is null or c.language is null);

-- Vocabularies and postings are compressed already. Stored as they are, they can be read in parts, and their
-- size is known without reading them.
alter table carrel.search_statistics alter column vocabulary set storage external;
alter table carrel.search_statistics alter column vocabulary set statistics 0;
alter table carrel.search_statistics alter column postings set storage external;
alter table carrel.search_statistics alter column postings set statistics 0;

comment on table carrel.search_statistics is 'Number, length, words and postings of texts by user and language. The rows of a user and language add up.';
comment on column carrel.search_statistics.id is 'Primary key (UUIDv7).';
comment on column carrel.search_statistics.user_id is 'Owner of the texts.';
comment on column carrel.search_statistics.language is 'Language of the texts.';
comment on column carrel.search_statistics.chunks is 'Number of chunks.';
comment on column carrel.search_statistics.words is 'Sum of the words of the chunks.';
comment on column carrel.search_statistics.vocabulary is 'Words as written, of chunks and file names, with the number of these: a format of carrel''s own.';
comment on column carrel.search_statistics.removed is 'Number of chunks that postings remove.';
comment on column carrel.search_statistics.postings is 'Lexemes of chunks, with the chunks and positions of each, and chunks that other rows had and that are gone: a format of carrel''s own.';
