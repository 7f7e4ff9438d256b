-- Tells if USAGE on carrel's schema is granted to a role itself, not to a role that it inherits from.
--
-- $1 role
select exists(
    select from pg_namespace as n
    cross join lateral aclexplode(n.nspacl) as a
    where n.nspname = 'carrel' and a.grantee = $1 and a.privilege_type = 'USAGE'
)
