-- Tables of carrel that carrel_owner does not own, and a schema, extension or functions that no
-- superuser owns, each with its remedy. What such a role made may be changed in any way: functions are created
-- again rather than handed over.
--
-- $1 names of carrel's tables
select format(
    'table carrel.%I belongs to role %I, who may have changed its rows, columns and policies: if they can be trusted, alter table carrel.%1$I owner to carrel_owner',
    c.relname, r.rolname
)
from pg_class as c
join pg_roles as r on c.relowner = r.oid
where c.relnamespace = 'carrel'::regnamespace and c.relkind = 'r' and c.relname::text = any($1)
    and r.rolname <> 'carrel_owner'
union all
select format('schema carrel belongs to role %I, which is no superuser: alter schema carrel owner to %I', r.rolname, s.rolname)
from pg_namespace as n join pg_roles as r on n.nspowner = r.oid join pg_roles as s on s.oid = 10
where n.nspname = 'carrel' and not r.rolsuper
union all
select format(
    'the extension belongs to role %I, which is no superuser: drop extension carrel cascade, which keeps the data; create extension carrel', r.rolname
)
from pg_extension as e join pg_roles as r on e.extowner = r.oid
where e.extname = 'carrel' and not r.rolsuper
union all
select format(
    'function %s belongs to role %I, which is no superuser: drop extension carrel cascade, which keeps the data; create extension carrel',
    p.oid::regprocedure, r.rolname
)
from pg_depend as d
join pg_extension as e on d.refobjid = e.oid
join pg_proc as p on d.objid = p.oid
join pg_roles as r on p.proowner = r.oid
where d.classid = 'pg_proc'::regclass and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
    and e.extname = 'carrel' and not r.rolsuper
order by 1
