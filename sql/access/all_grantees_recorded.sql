-- Tells if each role that has privileges on carrel's schema is named by a record. Superusers, the
-- schema's owner and carrel_owner need no record.
--
-- Reads the CTE "named" (named_roles.sql), which the caller puts in front. $1 this installation
select not exists (
    select from pg_namespace as n
    cross join lateral aclexplode(n.nspacl) as a
    join pg_roles as r on a.grantee = r.oid
    where n.nspname = 'carrel' and a.grantee <> n.nspowner and not r.rolsuper and r.rolname <> 'carrel_owner'
        and a.grantee not in (select m.role from named as m where m.role is not null)
)
