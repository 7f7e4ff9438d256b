-- Columns of a table, in order, with their types; a domain counts as its base type.
--
-- $1 table
with recursive types (column_number, name, kind, base) as (
    select a.attnum, a.attname::text, a.atttypid, t.typbasetype
    from pg_attribute as a join pg_type as t on a.atttypid = t.oid
    where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped
    union all
    select types.column_number, types.name, t.oid, t.typbasetype
    from types join pg_type as t on types.base = t.oid
)
select name, kind from types where base = 0 order by column_number
