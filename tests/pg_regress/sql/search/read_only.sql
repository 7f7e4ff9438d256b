-- Reading works in READ ONLY transactions, and assigns no transaction id: on a standby it works as well.
\set ON_ERROR_ROLLBACK on
begin read only;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select carrel.current_user_id();
select count(*) as found from carrel.search_chunks('anything at all');
select count(*) as found from carrel.search_documents('anything at all');
select name from carrel.user_profiles;
select count(*) as chunks from carrel.chunk_text('some text');
set local role carrel_regress_service;
select carrel.act_as('22222222-2222-2222-2222-222222222222');
select table_name from carrel.export_user('22222222-2222-2222-2222-222222222222');
select count(*) as drifted from carrel.verify_usage();
reset role;
select bool_and(ok) as all_is_well from carrel.doctor();
select pg_current_xact_id_if_assigned() is null as no_transaction_id;

-- Writing doesn't.
set local role carrel_regress_user;
insert into carrel.documents (filename) values ('a.txt');
select carrel.add_document('a.txt', 'text');
rollback;
