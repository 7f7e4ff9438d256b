-- Each user reads their own rows, in every table, in every way; without claims there are none.
begin;
create function pg_temp.fill(who uuid) returns void language plpgsql as $$
declare
    session uuid;
begin
    perform carrel.act_as(who);
    insert into carrel.documents (filename, content_text) values ('Note', 'a text');
    insert into carrel.agent_sessions (title) values ('Session') returning id into session;
    perform carrel.create_request('chat', 'hello', session);
    perform carrel.record_usage('chat', 1);
end
$$;
select pg_temp.fill(user_id) from carrel.user_profiles order by user_id;
create function pg_temp.seen() returns table (table_name text, rows bigint, own boolean) language plpgsql as $$
begin
    foreach table_name in array '{user_profiles,documents,document_chunks,agent_sessions,agent_requests,usage_events}'::text[] loop
        execute format('select count(*), coalesce(bool_and(user_id = carrel.current_user_id()), true) from carrel.%I', table_name) into rows, own;
        return next;
    end loop;
end
$$;

set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select * from pg_temp.seen();
set local request.jwt.claims = '{"sub": "22222222-2222-2222-2222-222222222222"}';
select * from pg_temp.seen();

-- The service sees as the user it acts for.
set local role carrel_regress_service;
select * from pg_temp.seen();

-- A user without rows, no claims, and empty ones.
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "33333333-3333-3333-3333-333333333333"}';
select sum(rows) as rows from pg_temp.seen();
set local request.jwt.claims = '{}';
select sum(rows) as rows from pg_temp.seen();
set local request.jwt.claims = '';
select sum(rows) as rows from pg_temp.seen();
set local role carrel_regress_service;
select sum(rows) as rows from pg_temp.seen();

-- One prepared statement, users in turn, more often than it takes to have a plan of its own.
set local role carrel_regress_user;
prepare own as select user_id, filename from carrel.documents where filename = 'Note';
create function pg_temp.turns() returns table (turns bigint, rows bigint, all_own boolean) language plpgsql as $$
declare
    found record;
    who uuid;
begin
    turns := 0; rows := 0; all_own := true;
    for n in 1 .. 20 loop
        who := case when n % 3 = 0 then null when n % 2 = 0 then '11111111-1111-1111-1111-111111111111' else '22222222-2222-2222-2222-222222222222' end;
        perform carrel.act_as(who);
        turns := turns + 1;
        for found in execute 'execute own' loop
            rows := rows + 1;
            all_own := all_own and found.user_id = who;
        end loop;
    end loop;
    return next;
end
$$;
select * from pg_temp.turns();

-- Cursors, COPY and joins are no other way.
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
declare own_documents cursor for select user_id from carrel.documents;
fetch all from own_documents;
copy (select user_id, filename from carrel.documents) to stdout;
select count(*) as joined from carrel.documents as d join carrel.document_chunks as c on c.document_id = d.id and c.user_id <> carrel.current_user_id();
rollback;
