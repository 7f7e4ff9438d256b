-- Properties of a table that may be followed as a table of users.
--
-- $1 table   $2 role that carrel trusts besides superusers
-- Returns the name, quoted for SQL; the owner; the schema's owner; true if $2 or superusers own the
-- table and its schema; and true if it is an ordinary table with a unique column id of type uuid.
select format('%I.%I', n.nspname, c.relname), r.rolname::text, s.rolname::text,
    (r.rolsuper or r.rolname = $2) and (s.rolsuper or s.rolname = $2),
    c.relkind = 'r' and n.nspname <> 'carrel' and exists (
        select from pg_attribute as a join pg_index as i on a.attrelid = i.indrelid
        where a.attrelid = c.oid and a.attname = 'id' and a.atttypid = 'uuid'::regtype
            and i.indisunique and i.indisvalid and i.indpred is null and i.indkey::text = a.attnum::text
    )
from pg_class as c
join pg_namespace as n on c.relnamespace = n.oid
join pg_roles as r on c.relowner = r.oid
join pg_roles as s on n.nspowner = s.oid
where c.oid = $1
