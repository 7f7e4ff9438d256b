-- Disabled triggers of foreign keys of carrel's tables, on either side of a key. Only a superuser
-- can disable them: alter table … disable trigger all, or pg_restore --disable-triggers.
--
-- $1 carrel's tables
-- Returns the table and the trigger, quoted for SQL, and a line for doctor().
select
    t.tgrelid::regclass::text, quote_ident(t.tgname),
    format('trigger of foreign key %I on table %s is disabled: select carrel.migrate()', k.conname, t.tgrelid::regclass)
from pg_constraint as k
join pg_class as c on k.conrelid = c.oid
join pg_trigger as t on k.oid = t.tgconstraint
where
    k.contype = 'f' and c.relnamespace = 'carrel'::regnamespace and c.relname::text = any($1::text[])
    and t.tgisinternal and t.tgenabled not in ('O', 'A')
order by 3, 2
