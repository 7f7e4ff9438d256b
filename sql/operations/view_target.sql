-- Schema for create_views(), the schema to move its tables to, and the names in it that are taken.
--
-- $1 schema   $2 names of the views
-- Returns the schema's name and that of the other schema, quoted for SQL, and the list of names (null:
-- none).
select format('%I', n.nspname), format('%I', n.nspname || '_before'), (
    select string_agg(format('%I.%I', n.nspname, c.relname), ', ' order by c.relname)
    from pg_class as c where c.relnamespace = n.oid and c.relname::text = any($2)
)
from pg_namespace as n
where n.nspname::text = $1
