-- Records of granted roles, each with the role that it names: by oid if this installation made the
-- record, by name if a dump or replication brought it.
--
-- $1 this installation
-- counts: false for a role found by name without USAGE on the schema. Privileges are granted by
-- oid, and a dump restores them for the recorded role. A role without them was created later, or
-- the dump came without privileges.
select
    g.recorded_in, g.role_oid as recorded_oid, g.kind, g.role_name, g.granted, r.oid as role, r.rolname::text as name_now,
    g.recorded_in = $1::text as is_own,
    g.recorded_in = $1::text or not g.granted or exists (
        select from pg_namespace as n
        cross join lateral aclexplode(n.nspacl) as a
        where n.nspname = 'carrel' and a.grantee = r.oid and a.privilege_type = 'USAGE'
    ) as counts
from carrel.granted_roles as g
left join pg_roles as r on case when g.recorded_in = $1::text then g.role_oid = r.oid else g.role_name = r.rolname::text end
