-- Both users and nobody, in one transaction of one connection and the same role; rolled back. Prints what
-- each sees and finds, what both find, what Ben gets at of Ada's documents, and what nobody sees.
begin;
set local role authenticated;

select carrel.act_as(:'ada') \gset
create temp table adas as select id from carrel.documents;
create temp table ada_finds as select document_id from carrel.search_documents(:'question', 1000000);

select carrel.act_as(:'ben') \gset
create temp table bens as select id from carrel.documents;
create temp table ben_finds as select document_id from carrel.search_documents(:'question', 1000000);
create temp table foreign_rows as select id from carrel.documents where id in (table adas);
with changed as (
    update carrel.documents set filename = 'mine' where id in (table adas) returning id
)
insert into foreign_rows table changed;
with deleted as (
    delete from carrel.documents where id in (table adas) returning id
)
insert into foreign_rows table deleted;

select carrel.act_as(null) \gset
select (select count(*) from adas), (select count(*) from ada_finds),
    (select count(*) from bens), (select count(*) from ben_finds),
    (select count(*) from ada_finds join ben_finds using (document_id)),
    (select count(*) from foreign_rows), (select count(*) from carrel.documents);
rollback;
