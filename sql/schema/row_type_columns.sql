-- Columns of any table whose type is or contains the row type of one of carrel's tables, as
-- table.column: also arrays, domains, composite types and row types of views and foreign tables.
--
-- $1 names of carrel's tables
with recursive types (oid) as (
    select c.reltype from pg_class as c
    where c.relnamespace = 'carrel'::regnamespace and c.relkind = 'r' and c.relname::text = any($1)
    union
    select dependent.oid
    from types
    join pg_depend as d on d.refclassid = 'pg_type'::regclass and types.oid = d.refobjid
    cross join lateral (
        select d.objid where d.classid = 'pg_type'::regclass
        union all
        select c.reltype from pg_class as c
        where d.classid = 'pg_class'::regclass and c.oid = d.objid and c.relkind in ('c', 'v', 'f')
    ) as dependent (oid)
)
select format('%s.%I', a.attrelid::regclass, a.attname) as line
from types
join pg_depend as d
    on d.refclassid = 'pg_type'::regclass and types.oid = d.refobjid and d.classid = 'pg_class'::regclass
join pg_class as c on d.objid = c.oid and c.relkind in ('r', 'm', 'p')
join pg_attribute as a on d.objid = a.attrelid and d.objsubid = a.attnum
order by line
