-- Hard limits of documents and bytes refuse what is stored beyond them; what is deleted makes room.
\set VERBOSITY default
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
begin;
delete from carrel.plan_limits;
insert into carrel.plan_limits (plan_type, measure, period, limit_value) values
    ('free', 'documents', null, 3), ('free', 'bytes', 'month', 100);
select event_type, measure, period, enforcement from carrel.plan_limits order by measure;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (filename, content_text) values ('a', repeat('a', 40)), ('b', repeat('b', 40));
insert into carrel.documents (filename, content_text) values ('c', repeat('c', 21));
insert into carrel.documents (filename, file_size) values ('c', 1000);
insert into carrel.documents (filename, content_text) values ('c', repeat('c', 20));
insert into carrel.documents (filename) values ('d');
update carrel.documents set content_text = repeat('c', 21) where filename = 'c';
update carrel.documents set content_text = repeat('c', 10) where filename = 'c';
delete from carrel.documents where filename = 'a';
insert into carrel.documents (filename, content_text) values ('d', repeat('d', 50));
select measure, used, remaining from carrel.current_usage() where measure in ('documents', 'bytes');
select allowed from carrel.check_quota('*', 1, 'documents');
set local request.jwt.claims = '{"sub": "22222222-2222-2222-2222-222222222222"}';
insert into carrel.documents (filename, content_text) values ('a', 'of somebody else');
reset role;
select * from carrel.verify_usage();
rollback;
