-- What belongs to the extension: functions and an event trigger, nothing else. Tables are ordinary tables.
select classid::regclass as kind, count(*) > 0 as some
from pg_depend where refclassid = 'pg_extension'::regclass and deptype = 'e'
    and refobjid = (select oid from pg_extension where extname = 'carrel')
group by 1 order by 1;

select relname, relpersistence, relrowsecurity as rls, relforcerowsecurity as forced, relhasrules as rules,
    obj_description(oid, 'pg_class') as comment
from pg_class where relnamespace = 'carrel'::regnamespace and relkind = 'r'
order by relname collate "C";

-- Nothing else is in the schema: no view, no sequence, no type of its own.
select relname, relkind from pg_class
where relnamespace = 'carrel'::regnamespace and relkind not in ('r', 'i') order by 1;
select typname from pg_type as t
where typnamespace = 'carrel'::regnamespace and typrelid = 0
    and not exists (select from pg_type as e where e.typarray = t.oid)
order by 1;

-- All belongs to a role that is nobody else; the extension can't be moved to another schema, nor created by others.
select count(distinct relowner) = 1 and bool_and(rolname = 'carrel_owner') as owned_by_carrel_owner
from pg_class join pg_roles as r on r.oid = relowner where relnamespace = 'carrel'::regnamespace;
select extrelocatable as relocatable, extnamespace::regnamespace as schema from pg_extension where extname = 'carrel';
select distinct superuser, trusted from pg_available_extension_versions where name = 'carrel';

-- Refused, for what uses them: defaults, policies, triggers.
\set VERBOSITY terse
drop extension carrel;
