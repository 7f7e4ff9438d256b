-- Triggers of foreign keys of carrel's tables ($1: their names) that are disabled, on either side of a key: the table and the trigger,
-- quoted for SQL, and a line that says so. Nobody but a superuser can disable them: alter table … disable trigger all, or pg_restore --disable-triggers.
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
