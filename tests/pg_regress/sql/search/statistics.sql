-- The statistics that search ranks by are those of the chunks, whatever changes these.
begin;
create function pg_temp.drift() returns bigint language sql as $$
    select count(*) from (
        select user_id, language, sum(chunks) as chunks, sum(words) as words
        from carrel.search_statistics group by 1, 2
        having sum(chunks) <> 0 or sum(words) <> 0
    ) as kept
    full join (
        select user_id, language, count(*) as chunks, sum(words) as words
        from carrel.document_chunks group by 1, 2
    ) as there using (user_id, language)
    where (kept.chunks, kept.words) is distinct from (there.chunks, there.words)
$$;
-- The words that suggest() knows, beside those of chunks and names.
create function pg_temp.wrong_words() returns setof text language sql as $$
    with texts as (
        select id, filename as text from carrel.documents
        union all
        select c.id, array_to_string(heading_path, e'\n') || e'\n' || content from carrel.document_chunks as c
    ), there as (
        select word, count(distinct id) as texts
        from texts, carrel.analyze_text(text, 'simple')
        where length(word) > 1
        group by word
    )
    select coalesce(there.word, kept.word)
    from there
    full join (
        select s.word, s.texts from unnest(array['s', 'w', 'm', 'o', 'p', 'd', 'b', 'e', 'c', 'h']) as letter, carrel.suggest(letter, 1000) as s
    ) as kept using (word)
    where there.texts is distinct from kept.texts
        and to_tsvector('english', coalesce(there.word, kept.word)) <> '' and coalesce(there.word, kept.word) ~ '^[swmopdbech]'
$$;
select carrel.act_as('11111111-1111-1111-1111-111111111111');
insert into carrel.documents (filename, content_text) select 'Doc ' || n, repeat('Some words of it. ', 40 * n) from generate_series(1, 20) as n;
insert into carrel.documents (filename, language, content_text) values ('Deutsch', 'german', 'Ein paar Worte.');
insert into carrel.documents (id, filename) values ('d0000000-0000-0000-0000-000000000001', 'By hand');
insert into carrel.document_chunks (document_id, chunk_index, content) values ('d0000000-0000-0000-0000-000000000001', 0, 'one chunk'), ('d0000000-0000-0000-0000-000000000001', 1, 'another chunk');
select pg_temp.drift() as inserted, sum(chunks) > 50 as some from carrel.search_statistics where user_id = carrel.current_user_id();
select pg_temp.wrong_words();
select words = (select sum(words) from carrel.document_chunks where document_id = d.id) as right from carrel.documents as d where filename = 'Doc 20';

update carrel.documents set content_text = 'Short. ' || content_text where filename ~ '1';
update carrel.documents set language = 'french' where filename ~ '2';
update carrel.document_chunks set content = 'more words than before' where chunk_index = 1 and document_id = 'd0000000-0000-0000-0000-000000000001';
update carrel.documents set content_text = null where filename ~ '3';
select pg_temp.drift() as updated;
select pg_temp.wrong_words();

delete from carrel.document_chunks where document_id = 'd0000000-0000-0000-0000-000000000001' and chunk_index = 0;
delete from carrel.documents where filename ~ '4';
select pg_temp.drift() as deleted;
select pg_temp.wrong_words();
update carrel.documents set filename = 'Changed ' || filename where filename ~ 'Doc 1';
select pg_temp.wrong_words();
select carrel.act_as('22222222-2222-2222-2222-222222222222');
insert into carrel.documents (filename, content_text) values ('Bob''s', 'is his own');
select count(*) from carrel.delete_user('11111111-1111-1111-1111-111111111111');
select pg_temp.drift() as without_a_user;
select count(*) as of_the_user from carrel.search_statistics where user_id = '11111111-1111-1111-1111-111111111111';

truncate carrel.document_chunks;
select pg_temp.drift() as truncated, count(*) as rows from carrel.search_statistics;
rollback;

-- Many transactions leave few rows.
select set_config('request.jwt.claims', '{"sub":"22222222-2222-2222-2222-222222222222"}', false) is not null as bob;
insert into carrel.documents (filename, content_text) values ('One', 'by one');
do $$ begin for n in 1 .. 1000 loop update carrel.documents set content_text = content_text || ' more' where filename = 'One'; commit; end loop; end $$;
select sum(words) = (select sum(words) from carrel.document_chunks where user_id = '22222222-2222-2222-2222-222222222222') as right, count(*) < 500 as folded from carrel.search_statistics where user_id = '22222222-2222-2222-2222-222222222222';
delete from carrel.documents;
reset request.jwt.claims;
