-- Whichever way a user goes, their files are listed until they are confirmed, and their usage is archived under a
-- pseudonym that is known for a time.
\pset format unaligned
\pset tuples_only on
begin;
create table public.ways (way text, statement text);
insert into public.ways values
    ('by function', $$select count(*) from carrel.delete_user('USER')$$),
    ('for good', $$select count(*) from carrel.delete_user('USER', archive_usage => true)$$),
    ('by DELETE', $$delete from carrel.user_profiles where user_id = 'USER'$$);
create function public.gone(statement text) returns text language plpgsql as $$
declare
    who uuid := carrel.create_user();
    answer text;
begin
    perform carrel.act_as(who);
    insert into carrel.documents (filename, storage_path) values ('a', 'bucket/a'), ('b', 'bucket/b'), ('same', 'bucket/b'), ('none', null);
    insert into carrel.usage_events (event_type, tokens_used, cost, metadata, idempotency_key)
    select 'chat', n, 0.5, '{"customer": "Ada"}', 'key ' || n from generate_series(1, 3) as n;
    answer := outcome(replace(statement, 'USER', who::text));
    return answer || '|' || (
        select format('%s of %s resolved', count(*) filter (where deleted_user_id = who), count(*))
        from carrel.user_pseudonyms where user_hash = sha256(convert_to(who::text, 'UTF8'))
    ) || '|' || (select string_agg(storage_path, ' ' order by storage_path) from carrel.files_to_erase) || '|' || (
        select format('%s events of %s, %s tokens, %s go', count(*), count(distinct a.pseudonym), sum(tokens_used), count(delete_after))
        from carrel.usage_archive as a join carrel.user_pseudonyms as p using (pseudonym) where deleted_user_id = who
    ) || '|' || (select count(*) from carrel.usage_events where user_id = who) || '|' || carrel.erased_files('{bucket/a,bucket/b}');
end
$$;
select way, public.gone(statement) from public.ways;

-- Nothing of it names the user but the pseudonym's row, and that for so long.
select count(*) as rows_that_tell from carrel.usage_archive as a
where to_jsonb(a)::text ~ 'Ada|key ' or exists (select from carrel.user_pseudonyms where to_jsonb(a)::text ~ deleted_user_id::text);
select count(*), bool_and(resolvable_until = deleted_at + interval '90 days') from carrel.user_pseudonyms;
select carrel.purge_pseudonyms();
update carrel.user_pseudonyms set resolvable_until = now();
update carrel.usage_archive set delete_after = now() where delete_after is not null;
set local role carrel_regress_service;
select carrel.purge_pseudonyms(), carrel.purge_pseudonyms();
reset role;
select count(*) as deleted, count(deleted_user_id) as resolved from carrel.user_pseudonyms;
select count(*) as archived, count(distinct pseudonym) as users from carrel.usage_archive;
delete from carrel.usage_archive;
delete from carrel.user_pseudonyms;

-- The next deletion purges as well.
select count(*) from public.ways, public.gone(statement) where way = 'by DELETE';
update carrel.user_pseudonyms set resolvable_until = now();
update carrel.usage_archive set delete_after = now();
set local carrel.archive_resolvable_for = 0;
select way, public.gone(statement) from public.ways where way <> 'for good';
select count(deleted_user_id) as resolved, (select count(*) from carrel.usage_archive) as archived from carrel.user_pseudonyms;
reset carrel.archive_resolvable_for;

-- What is rolled back leaves nothing.
delete from carrel.user_pseudonyms;
savepoint before;
select carrel.create_user('33333333-3333-3333-3333-333333333333');
delete from carrel.user_profiles where user_id = '33333333-3333-3333-3333-333333333333';
select count(*) from carrel.user_pseudonyms;
rollback to before;
select (select count(*) from carrel.user_pseudonyms), (select count(*) from carrel.files_to_erase), (select count(*) from carrel.usage_archive);

-- Services confirm what they erased, once; paths of any length, the longest waiting first.
select carrel.create_user('33333333-3333-3333-3333-333333333333');
insert into carrel.documents (user_id, filename, storage_path) select '33333333-3333-3333-3333-333333333333', 'f', path from (values
    ('one'), (repeat('long/', 800))
) as given (path);
set local role carrel_regress_service;
select count(*) from carrel.delete_user('33333333-3333-3333-3333-333333333333');
select left(storage_path, 5), deleted_at = now() from carrel.files_to_erase() order by 1;
select count(*) from carrel.files_to_erase(1);
select carrel.erased_files(array[repeat('long/', 800), 'unknown', null]), carrel.erased_files('{}');
select storage_path from carrel.files_to_erase();
select outcome(statement) from (values
    ('select carrel.erased_files(null)'), ('select count(*) from carrel.files_to_erase(-1)'), ('select count(*) from carrel.files_to_erase(null)'),
    ('select count(*) from carrel.user_pseudonyms'), ('select count(*) from carrel.usage_archive')
) as tried (statement);
set local role carrel_regress_user;
select outcome(statement) from (values
    ('select count(*) from carrel.files_to_erase()'), ($$select carrel.erased_files('{one}')$$), ('select carrel.purge_pseudonyms()')
) as tried (statement);

-- A service brings a user back, who can go again, also with an event that has the id of an archived one.
reset role;
create function public.go() returns bigint language plpgsql as $$
begin
    perform carrel.create_user('33333333-3333-3333-3333-333333333333');
    insert into carrel.usage_events (id, user_id, event_type) values ('e0000000-0000-0000-0000-000000000001', '33333333-3333-3333-3333-333333333333', 'chat');
    return (select count(*) from carrel.delete_user('33333333-3333-3333-3333-333333333333'));
end
$$;
select public.go(), public.go();
select count(*) as archived, count(distinct pseudonym) as pseudonyms from carrel.usage_archive where event_id = 'e0000000-0000-0000-0000-000000000001';

-- A file that another user's document has as well is neither returned nor listed until that document is gone.
reset role;
delete from carrel.files_to_erase;
select carrel.create_user('eeeeeeee-0000-4000-8000-000000000001'), carrel.create_user('eeeeeeee-0000-4000-8000-000000000002');
select carrel.act_as('eeeeeeee-0000-4000-8000-000000000001');
insert into carrel.documents (filename, storage_path) values ('mine', 'bucket/mine'), ('theirs', 'bucket/theirs');
select carrel.act_as('eeeeeeee-0000-4000-8000-000000000002');
insert into carrel.documents (filename, storage_path) values ('theirs', 'bucket/theirs');
select carrel.delete_user('eeeeeeee-0000-4000-8000-000000000001');
select storage_path from carrel.files_to_erase();
delete from carrel.documents where storage_path = 'bucket/theirs';
select storage_path from carrel.files_to_erase() order by storage_path;
rollback;
