-- Every trigger, in the order in which they fire.
\pset format unaligned
\pset tuples_only on
select format(E'%s: %s', tgrelid::regclass, regexp_replace(pg_get_triggerdef(oid), '^CREATE (CONSTRAINT )?TRIGGER ', ''))
from pg_trigger
where tgrelid in (select oid from pg_class where relnamespace = 'carrel'::regnamespace) and not tgisinternal
order by tgrelid::regclass::text collate "C", tgtype & 2 desc, tgtype & 1 desc, tgname collate "C";
\pset tuples_only off

-- Limits that sessions remember are forgotten whoever changes them, replication too.
select tgname as not_as_usual, tgenabled from pg_trigger
where tgrelid in (select oid from pg_class where relnamespace = 'carrel'::regnamespace) and tgenabled <> 'O';
