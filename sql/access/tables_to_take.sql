-- Tables of carrel that carrel_owner does not own, those of other roles than superusers first.
--
-- $1 names of carrel's tables
-- Returns the table's oid, its owner, true if the owner is a superuser, and the name, quoted for SQL.
select c.oid, c.relowner, r.rolsuper, format('%I', c.relname)
from pg_class as c
join pg_roles as r on c.relowner = r.oid
where c.relnamespace = 'carrel'::regnamespace and c.relkind = 'r' and c.relname::text = any($1)
    and r.rolname <> 'carrel_owner'
order by r.rolsuper, c.relname
