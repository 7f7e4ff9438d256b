-- A cancel in the midst of processing rolls back what carrel had begun: the caller is who they were,
-- with their settings, and the session goes on.
select set_config('request.jwt.claims', '{"sub":"11111111-1111-1111-1111-111111111111"}', false) is not null as ada;
set role carrel_regress_user;
-- Made beforehand, so that the time runs out in carrel's own code.
create temp table joiners as select repeat(E'\u200d', 20000000) as text;
set client_min_messages = notice;
set statement_timeout = '300ms';
do $$
begin
    insert into carrel.documents (filename, content_text) select 'joiners.txt', text from joiners;
exception when query_canceled then
    raise warning 'cancelled: % with %', current_user, current_setting('search_path');
end
$$;
select current_user, current_setting('search_path') as search_path;

-- By itself, without a block around it.
insert into carrel.documents (filename, content_text) select 'joiners.txt', text from joiners;
set statement_timeout = 0;
select current_user, current_setting('client_min_messages') as client_min_messages;
insert into carrel.documents (filename, content_text) values ('after.txt', 'The session goes on.')
returning processing_status;
delete from carrel.documents where filename = 'after.txt';
drop table joiners;
reset client_min_messages;
reset role;
reset request.jwt.claims;

-- So does one of build_context(), which counts tokens for as long as there are some.
select set_config('request.jwt.claims', '{"sub":"11111111-1111-1111-1111-111111111111"}', false) is not null as ada;
set carrel.chunk_size = 20000000;
insert into carrel.documents (filename, content_text) select 'kettles.txt', repeat('a kettle ', 2000000);
reset carrel.chunk_size;
set statement_timeout = '150ms';
select tokens from carrel.build_context('kettle', 100000000);
\echo :LAST_ERROR_SQLSTATE
set statement_timeout = 0;
delete from carrel.documents where filename = 'kettles.txt';
reset request.jwt.claims;
