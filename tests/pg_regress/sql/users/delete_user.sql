-- delete_user() deletes a user and everything of theirs, and says what is to be erased elsewhere.
\set VERBOSITY default
\set ON_ERROR_ROLLBACK on
create function pg_temp.rows_of(who uuid) returns table (table_name text, n bigint) language plpgsql as $$
begin
    for table_name in
        select relname::text from pg_class as c
        where relnamespace = 'carrel'::regnamespace and relkind = 'r'
            and exists (select from pg_attribute where attrelid = c.oid and attname = 'user_id')
            -- How many rows sum up, chance decides.
            and relname <> 'search_statistics'
        order by relname collate "C"
    loop
        execute format('select count(*) from carrel.%I where user_id = $1', table_name) into n using who;
        return next;
    end loop;
end
$$;

-- Ada and Bob have rows in every table.
begin;
create function pg_temp.fill(who uuid) returns void language plpgsql as $$
declare
    session uuid;
begin
    perform carrel.act_as(who);
    insert into carrel.documents (filename, content_text, storage_path) values
        ('a.txt', 'one text', 'bucket/' || who || '/a'), ('b.txt', 'another', 'bucket/' || who || '/b'), ('c.txt', null, null);
    insert into carrel.agent_sessions (title) values ('first') returning id into session;
    perform carrel.create_request('chat', 'hello', session);
    perform carrel.record_usage('agent_request', 100, 0.25);
    perform carrel.record_usage('embedding', 20, idempotency_key => 'k');
end
$$;
select pg_temp.fill(user_id) from carrel.user_profiles order by user_id;
select ada.table_name, ada.n as ada, bob.n as bob
from pg_temp.rows_of('11111111-1111-1111-1111-111111111111') as ada
join pg_temp.rows_of('22222222-2222-2222-2222-222222222222') as bob using (table_name);

set local role carrel_regress_service;
select * from carrel.delete_user('11111111-1111-1111-1111-111111111111');
reset role;
select ada.table_name, ada.n as ada, bob.n as bob
from pg_temp.rows_of('11111111-1111-1111-1111-111111111111') as ada
join pg_temp.rows_of('22222222-2222-2222-2222-222222222222') as bob using (table_name);
-- The archive does not name the user; see erasure.
select count(*) as archived from carrel.usage_archive;

-- Who isn't there can't be deleted, nor can nobody.
set local role carrel_regress_service;
select * from carrel.delete_user('11111111-1111-1111-1111-111111111111');
\echo :LAST_ERROR_SQLSTATE
select * from carrel.delete_user(null);
\echo :LAST_ERROR_SQLSTATE

-- End users can't delete themselves, let alone others.
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "22222222-2222-2222-2222-222222222222"}';
select * from carrel.delete_user('22222222-2222-2222-2222-222222222222');
rollback;
